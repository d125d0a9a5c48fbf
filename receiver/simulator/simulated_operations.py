"""Operations of a call, and their results. Pure: randomness is an argument."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from receiver.simulator import invitations
from receiver.simulator.invitations import InvitationResult
from receiver.simulator.signing_key import JSONObject
from receiver.simulator.simulated_people import Person, invent_phone_user, invent_user, new_id

COMPLETED: Final = "completed"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an operation.

    Attributes:
        type: Graph's name of the operation's type, without namespace.
        status: `completed` or `failed`.
        after: seconds from the request to the result.
        members: members of the result beside those of every operation.
        result: code, subcode and message of its resultInfo; None if Graph sends none.
        joined: the person that is in the call from then on.
    """

    type: str
    status: str
    after: float
    members: JSONObject
    result: tuple[int, int, str] | None = None
    joined: Person | None = None

    @property
    def name(self) -> str:
        """The type without its suffix, for output."""
        return self.type.removesuffix("Operation")


def answered_invite(random: Random) -> Outcome:
    """Return an invitation that is answered."""
    person = random.choice([invent_user, invent_phone_user])(random)
    return _invite(random, person, invitations.ANSWERED, joined=person)


def unanswered_invite(random: Random) -> Outcome:
    """Return an invitation that is not answered: Graph gives up after a minute."""
    return _invite(random, invent_phone_user(random), invitations.UNANSWERED)


def refused_invite(random: Random) -> Outcome:
    """Return an invitation that fails for another reason."""
    result = random.choice(list(invitations.REFUSED.values()))
    return _invite(random, invent_phone_user(random), result)


def play_prompt(random: Random) -> Outcome:
    """Return a prompt that is played to its end."""
    members: JSONObject = {"completionReason": "completedSuccessfully"}
    success = (200, 0, "Action completed successfully.")
    return Outcome("playPromptOperation", COMPLETED, random.uniform(3, 12), members, success)


def failed_prompt(random: Random) -> Outcome:
    """Return a prompt that can't be downloaded."""
    members: JSONObject = {"completionReason": "mediaFileNotFound"}
    result = (400, 8508, "The prompt could not be downloaded.")
    return Outcome("playPromptOperation", FAILED, random.uniform(1, 4), members, result)


def record(random: Random) -> Outcome:
    """Return a recording; the token to download it is a secret in the body."""
    members: JSONObject = {
        "recordingLocation": f"https://recordings.example/{new_id(random)}",
        "recordingAccessToken": f"simulated-recording-token-{random.getrandbits(160):040x}",
        "completionReason": random.choice(["stopToneDetected", "maxSilenceTimeout", "maxRecordDuration"]),
    }
    return Outcome("recordOperation", COMPLETED, random.uniform(8, 30), members, (200, 0, ""))


def send_dtmf_tones(random: Random) -> Outcome:
    """Return tones that are sent. Graph reports `completed` even when they failed; only the reason differs."""
    members: JSONObject = {
        "completionReason": random.choice(["completedSuccessfully", "mediaOperationCanceled"])
    }
    return Outcome("sendDtmfTonesOperation", COMPLETED, random.uniform(1, 4), members)


def start_hold_music(random: Random) -> Outcome:
    """Return the start of hold music."""
    return Outcome("startHoldMusicOperation", COMPLETED, random.uniform(0.5, 2), {}, (200, 0, ""))


def stop_hold_music(random: Random) -> Outcome:
    """Return the end of hold music."""
    return Outcome("stopHoldMusicOperation", COMPLETED, random.uniform(0.5, 2), {}, (200, 0, ""))


def add_large_gallery_view(random: Random) -> Outcome:
    """Return the addition of the large gallery view."""
    return Outcome("addLargeGalleryViewOperation", COMPLETED, random.uniform(1, 3), {})


def configure_mixer(random: Random) -> Outcome:
    """Return a configuration of the audio mixer, which Graph reports as a bare commsOperation."""
    return Outcome("commsOperation", COMPLETED, random.uniform(0.5, 2), {}, (200, 0, ""))


OTHER_OPERATIONS: Final[tuple[Callable[[Random], Outcome], ...]] = (
    refused_invite,
    failed_prompt,
    send_dtmf_tones,
    start_hold_music,
    stop_hold_music,
    add_large_gallery_view,
    configure_mixer,
)
"""Operations that a call may have beside invitations, a prompt and a recording, which every call has."""


def _invite(
    random: Random, person: Person, invited: InvitationResult, joined: Person | None = None
) -> Outcome:
    info: JSONObject = {
        "@odata.type": "#microsoft.graph.invitationParticipantInfo",
        "identity": person.identity_set(),
    }
    result = (invited.code, invited.subcode, invited.message.format(person.address))
    after = random.uniform(*invited.after)
    return Outcome(invitations.TYPE, invited.status, after, {"participants": [info]}, result, joined)
