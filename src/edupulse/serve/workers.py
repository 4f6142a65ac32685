"""The workers as their parent sees them: one that dies is noticed at once."""

from __future__ import annotations

from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """Uvicorn's, which asks each worker whether it lives, and waits for the answer.

    It keeps the worker's end of that pipe open itself, so that of one that dies while it is asked
    no end is seen, and nothing happens until the longest wait has passed. Here it lets go of it.
    """

    def init_processes(self) -> None:
        """Start all."""
        super().init_processes()
        self._let_go()

    def keep_subprocess_alive(self) -> None:
        """Replace those that died."""
        self._let_go()  # of those that a hangup has just brought
        super().keep_subprocess_alive()
        self._let_go()

    def _let_go(self) -> None:
        for one in self.processes:
            one.child_conn.close()
