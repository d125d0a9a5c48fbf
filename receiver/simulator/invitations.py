"""Invitations: how Graph answers when it is asked for one, and how it may end. Pure: chance is an argument."""

from dataclasses import dataclass
from random import Random
from typing import Final

from receiver.simulator.signing_key import JSONObject

TYPE: Final = "inviteParticipantsOperation"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an invitation ends.

    Attributes:
        status: `completed` or `failed`.
        code: of its resultInfo, as is the subcode.
        subcode: which says more.
        message: Graph's words; `{}` stands for the address of the one who was invited.
        after: seconds, the least and the most, between the request and the result.
    """

    status: str
    code: int
    subcode: int
    message: str
    after: tuple[float, float]


_SOON: Final = (1.0, 8.0)

ANSWERED: Final = Ending("completed", 200, 0, "Action completed successfully.", (4.0, 15.0))
UNANSWERED: Final = Ending("failed", 408, 10057, "Nobody answered at {}. DiagCode: 408#10057.@", (61.0, 66.0))
_NO_NUMBER: Final = "No telephone number is assigned to the application that calls: {}"
REFUSED: Final = {
    "no-number": Ending("failed", 403, 10151, _NO_NUMBER, _SOON),
    "gone": Ending("failed", 410, 301004, "The participant has left: {}", _SOON),
    "unreachable": Ending("failed", 480, 10037, "No endpoint is reachable for: {}", _SOON),
    "service-failed": Ending("failed", 500, 7101, "The service failed while it added: {}", _SOON),
}
"""Endings for other reasons than that nobody answers, by the name that the command line has for each."""

ENDINGS: Final = {"completed": ANSWERED, "unanswered": UNANSWERED, **REFUSED}
"""All endings by name."""


class InvalidInvitationError(Exception):
    """What is asked for is no invitation that Graph would take."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who is invited, as the caller wrote it: each an `invitationParticipantInfo`."""

    participants: tuple[JSONObject, ...]
    client_context: str | None

    @property
    def address(self) -> str:
        """How Graph's messages name the first who is invited: `4:` a number, `8:orgid:` a user."""
        for kind, prefix in (("phone", "4:"), ("user", "8:orgid:")):
            who = _identity_set(self.participants[0]).get(kind)
            if isinstance(who, dict) and who.get("id"):
                return f"{prefix}{who['id']}"
        return "the participant"

    def running(self, operation_id: str) -> JSONObject:
        """Return what Graph answers to the request: an operation that runs, with its nulls written out."""
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

    def result(self, ending: Ending) -> JSONObject:
        """Return the members of the result, which is poorer than the answer: neither nulls nor replacesCallId."""
        told: list[JSONObject] = [
            {
                "@odata.type": "#microsoft.graph.invitationParticipantInfo",
                "identity": _identity_set(participant),
            }
            for participant in self.participants
        ]
        context: JSONObject = {} if self.client_context is None else {"clientContext": self.client_context}
        return {"participants": told, "status": ending.status, **context}


_MOST_PARTICIPANTS: Final = 5
_LONGEST_CONTEXT: Final = 256


def read_invitation(document: object) -> Invitation:
    """Read the body of a request.

    Raises:
        InvalidInvitationError: with what Graph would say.
    """
    if not isinstance(document, dict):
        raise InvalidInvitationError("The body is no JSON object.")
    participants, context = document.get("participants"), document.get("clientContext")
    if not isinstance(participants, list) or not 1 <= len(participants) <= _MOST_PARTICIPANTS:
        raise InvalidInvitationError(f"participants: from one to {_MOST_PARTICIPANTS} are to be invited.")
    if not all(isinstance(one, dict) and isinstance(one.get("identity"), dict) for one in participants):
        raise InvalidInvitationError("participants: each needs an identity.")
    if len(participants) > 1 and any(one.get("replacesCallId") for one in participants):
        raise InvalidInvitationError("participants: only one may replace a call.")
    if context is not None and not (isinstance(context, str) and len(context) <= _LONGEST_CONTEXT):
        raise InvalidInvitationError(f"clientContext: a text of at most {_LONGEST_CONTEXT} characters.")
    return Invitation(tuple(participants), context)


def choose_ending(random: Random, name: str | None = None) -> Ending:
    """Return the ending of that name; without one any: half of the invited come, a quarter doesn't answer."""
    if name is not None:
        return ENDINGS[name]
    some_refusal = random.choice(list(REFUSED.values()))
    return random.choices([ANSWERED, UNANSWERED, some_refusal], [2, 1, 1])[0]


def _identity_set(participant: JSONObject) -> JSONObject:
    identity = participant["identity"]
    return identity if isinstance(identity, dict) else {}
