"""What is posted: invitations of one participant, numbered, so that each is an update of an operation of its own.

An invitation exists as a text with a mark where its number stands; wrk puts numbers there by the thousand, and
the program that fills or checks the store puts the same ones. Its number stands in all its ids, so its size never
changes.
"""

import json
from typing import Any, Final

from receiver.simulator import notification_bodies
from receiver.simulator.notification_bodies import Shape
from receiver.simulator.simulated_people import Person
from tests.support.service import TENANT

MARK: Final = "NNNNNNNNNNNN"
"""Where the number stands, in as many digits."""

_USER: Final = Person("aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb", "Chiara Lindqvist")
_PARTICIPANT: Final = {
    "@odata.type": "#microsoft.graph.invitationParticipantInfo",
    "identity": {
        "@odata.type": "#microsoft.graph.identitySet",
        "user": {
            "@odata.type": "#microsoft.graph.identity",
            "id": _USER.id,
            "displayName": _USER.name,
            "tenantId": TENANT,
        },
    },
}

FILLING: Final = "f1111111"
"""The series of what the store is filled with before a load."""


def digits(number: int) -> str:
    """Write a number as it stands in the place of the mark."""
    return f"{number:012x}"


def client_context(series: str, number: str) -> str:
    """Name an operation as the caller does: by a fresh GUID."""
    return f"{series}-0cc0-4000-8000-{number}"


def call_id(series: str, number: str) -> str:
    """Name its call; each operation has one of its own, which costs the store most."""
    return f"{series}-0ca0-4000-8000-{number}"


def operation_id(series: str, number: str) -> str:
    """Name an operation as Graph does."""
    return f"{series}-00b0-4000-8000-{number}"


def invitation(series: str, number: str = MARK, *, status: str = "completed") -> dict[str, Any]:
    """Write the notification of an invitation, in the shape that Graph uses today.

    Args:
        series: eight hexadecimal digits; those of two series have nothing in common.
        number: which of the series, or the mark.
        status: `completed`, or `running`, which has no result yet.
    """
    shape, operation_name = Shape(), operation_id(series, number)
    members: dict[str, Any] = {
        "clientContext": client_context(series, number),
        "status": status,
        "participants": [_PARTICIPANT],
    }
    if status == "completed":
        members["resultInfo"] = notification_bodies.result_info(
            shape, 200, 0, "Action completed successfully."
        )
    operation = notification_bodies.resource(shape, "inviteParticipantsOperation", operation_name, members)
    change_type = "deleted" if status == "completed" else "updated"
    return notification_bodies.notification(
        shape, change_type, call_id(series, number), "operations", operation_name, data=operation
    )


def text(document: dict[str, Any]) -> str:
    """Write JSON as Graph does, without white space."""
    return json.dumps(document, separators=(",", ":"))


def body(*items: Any) -> str:
    """Write the body of a POST."""
    return text(notification_bodies.envelope(*items))
