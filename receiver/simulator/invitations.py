"""Invitations: Graph's response to one, and its possible results. Pure: randomness is an argument."""

from dataclasses import dataclass
from random import Random
from typing import Final

from receiver.simulator.signing_key import JSONObject

TYPE: Final = "inviteParticipantsOperation"


@dataclass(frozen=True, slots=True)
class InvitationResult:
    """A possible result of an invitation.

    Attributes:
        status: `completed` or `failed`.
        code: the code of its resultInfo.
        subcode: the subcode of its resultInfo.
        message: Graph's message; `{}` stands for the address of the invited participant.
        after: seconds from the request to the result, minimum and maximum.
    """

    status: str
    code: int
    subcode: int
    message: str
    after: tuple[float, float]


_SOON: Final = (1.0, 8.0)

ANSWERED: Final = InvitationResult("completed", 200, 0, "Action completed successfully.", (4.0, 15.0))
UNANSWERED: Final = InvitationResult(
    "failed", 408, 10057, "Nobody answered at {}. DiagCode: 408#10057.@", (61.0, 66.0)
)
_NO_NUMBER: Final = "No telephone number is assigned to the application that calls: {}"
REFUSED: Final = {
    "no-number": InvitationResult("failed", 403, 10151, _NO_NUMBER, _SOON),
    "gone": InvitationResult("failed", 410, 301004, "The participant has left: {}", _SOON),
    "unreachable": InvitationResult("failed", 480, 10037, "No endpoint is reachable for: {}", _SOON),
    "service-failed": InvitationResult("failed", 500, 7101, "The service failed while it added: {}", _SOON),
}
"""Failures other than an unanswered call, by their names on the command line."""

INVITATION_RESULTS: Final = {"completed": ANSWERED, "unanswered": UNANSWERED, **REFUSED}
"""All results by their names on the command line."""


class InvalidInvitationError(Exception):
    """The request is not an invitation that Graph would accept."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as requested; each participant is an `invitationParticipantInfo`."""

    participants: tuple[JSONObject, ...]
    client_context: str | None

    @property
    def address(self) -> str:
        """The first participant's address in Graph's messages: `4:` and a number, `8:orgid:` and a user's id."""
        for kind, prefix in (("phone", "4:"), ("user", "8:orgid:")):
            identity = _identity_set(self.participants[0]).get(kind)
            if isinstance(identity, dict) and identity.get("id"):
                return f"{prefix}{identity['id']}"
        return "the participant"

    def running(self, operation_id: str) -> JSONObject:
        """Return Graph's response to the request: a running operation, with its nulls."""
        return {
            "@odata.type": f"#microsoft.graph.{TYPE}",
            "id": operation_id,
            "status": "Running",
            "clientContext": self.client_context,
            "resultInfo": None,
            "participants": [
                {
                    "endpointType": None,
                    "id": None,
                    "replacesCallId": participant.get("replacesCallId"),
                    "identity": {
                        "user": None,
                        "application": None,
                        "device": None,
                        "phone": None,
                        **_identity_set(participant),
                    },
                }
                for participant in self.participants
            ],
        }

    def result_members(self, result: InvitationResult) -> JSONObject:
        """Return the members of the result; unlike the response it has neither nulls nor replacesCallId."""
        participants: list[JSONObject] = [
            {
                "@odata.type": "#microsoft.graph.invitationParticipantInfo",
                "identity": _identity_set(participant),
            }
            for participant in self.participants
        ]
        context: JSONObject = {} if self.client_context is None else {"clientContext": self.client_context}
        return {"participants": participants, "status": result.status, **context}


_MOST_PARTICIPANTS: Final = 5
_LONGEST_CONTEXT: Final = 256


def read_invitation(document: object) -> Invitation:
    """Parse the body of a request.

    Raises:
        InvalidInvitationError: the body is not an invitation; the message is like Graph's.
    """
    if not isinstance(document, dict):
        raise InvalidInvitationError("The body is not a JSON object.")
    participants, context = document.get("participants"), document.get("clientContext")
    if not isinstance(participants, list) or not 1 <= len(participants) <= _MOST_PARTICIPANTS:
        raise InvalidInvitationError(f"participants: one to {_MOST_PARTICIPANTS} are allowed.")
    if not all(isinstance(one, dict) and isinstance(one.get("identity"), dict) for one in participants):
        raise InvalidInvitationError("participants: each needs an identity.")
    if len(participants) > 1 and any(one.get("replacesCallId") for one in participants):
        raise InvalidInvitationError("participants: only one may replace a call.")
    if context is not None and not (isinstance(context, str) and len(context) <= _LONGEST_CONTEXT):
        raise InvalidInvitationError(f"clientContext: a text of at most {_LONGEST_CONTEXT} characters.")
    return Invitation(tuple(participants), context)


def choose_result(random: Random, name: str | None = None) -> InvitationResult:
    """Return the result of that name; without one any: half are answered, a quarter are not."""
    if name is not None:
        return INVITATION_RESULTS[name]
    some_refusal = random.choice(list(REFUSED.values()))
    return random.choices([ANSWERED, UNANSWERED, some_refusal], [2, 1, 1])[0]


def _identity_set(participant: JSONObject) -> JSONObject:
    identity = participant["identity"]
    return identity if isinstance(identity, dict) else {}
