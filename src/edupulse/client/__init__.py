"""A typed client of the service: every route a method, every answer a dictionary with known keys.

    with Client("https://edupulse.example.org", token) as edupulse:
        for student in edupulse.each(edupulse.list_students, school="H01"):
            print(edupulse.predict({"student_id": student["student_id"]})["risk_category"])

    for told in edupulse.events():  # waits for the next, and comes back where it was cut off
        print(told["data"]["band"])

It imports nothing of the rest of EduPulse.
"""

from __future__ import annotations

from edupulse.client.events import BandChanged, Event, Listening
from edupulse.client.operations import Operations
from edupulse.client.transport import ProblemError, Unreachable

__all__ = ["BandChanged", "Client", "Event", "ProblemError", "Unreachable"]


class Client(Operations, Listening):
    """The service at a URL, asked with a token. See `edupulse.client.transport` for the options."""
