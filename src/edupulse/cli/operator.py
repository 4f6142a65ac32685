"""Who sits at the command line: what is shown here is a disclosure like any other.

Whoever may run these commands has the database's own password, so access is not asked; the audit
log is told.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime

from edupulse.casework.access import Part, Viewer
from edupulse.casework.disclosures import Asking, disclose
from edupulse.store.store import Store

WHOLE = (Part.NAMES, Part.FACTS, Part.SCORES)
"""What a page with a name, reasons and a score shows."""


def login() -> str:
    """The name under which the operator stands in the audit log."""
    return f"cli:{getpass.getuser()}"


def show(store: Store, students: Sequence[int], parts: Sequence[Part], purpose: str) -> None:
    """Write down that these students' records are shown to the operator."""
    disclose(store, Asking(Viewer(login()), datetime.now(UTC), purpose), students, parts)
