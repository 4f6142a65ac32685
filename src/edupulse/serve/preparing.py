"""What is done once before the workers: loops are compiled, tables brought to their newest form.

In a process that ends, since the compiler and the migrations would leave in a worker what it never
needs again: 180 MB the one, 10 MB the other (decision 38).
"""

from __future__ import annotations

import logging.config
import sys

from edupulse.features.loading import load_loops
from edupulse.school.errors import DatabaseDown, EduPulseError
from edupulse.serve.logs import LOGGING
from edupulse.store import unpacking
from edupulse.store.store import store_at

log = logging.getLogger("edupulse.serve")


def load_all_loops() -> None:
    """Those that a prediction runs; where no process did so before, that compiles them."""
    unpacking.load_loops()
    load_loops()


def main() -> int:
    """Prepare; the exit status."""
    logging.config.dictConfig(LOGGING)
    load_all_loops()
    try:
        with store_at() as store:
            store.tables.ensure_newest()
    except DatabaseDown as error:
        log.warning("starting without a database: %s", error.problem)
    except EduPulseError as error:
        print(f"Error: {error.problem}\nWhat to do: {error.to_do}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
