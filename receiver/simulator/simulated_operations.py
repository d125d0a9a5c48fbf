"""What can be asked for in a call, and how it ends. Pure: chance comes in as an argument."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from receiver.simulator import invitations
from receiver.simulator.invented_people import Person, new_id, somebody, somebody_by_phone
from receiver.simulator.invitations import Ending
from receiver.simulator.signing_key import JSONObject

COMPLETED: Final = "completed"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ends.

    Attributes:
        type: Graph's name of the operation's type, without namespace.
        status: `completed` or `failed`.
        after: seconds between the request and the result.
        members: what the result holds beside the members of every operation.
        result: code, subcode and message of its resultInfo; None where Graph writes none.
        joined: who is in the call from then on.
    """

    type: str
    status: str
    after: float
    members: JSONObject
    result: tuple[int, int, str] | None = None
    joined: Person | None = None

    @property
    def name(self) -> str:
        """Its short name, for people."""
        return self.type.removesuffix("Operation")


def answered_invite(random: Random) -> Outcome:
    """Somebody is invited and comes."""
    person = random.choice([somebody, somebody_by_phone])(random)
    return _invite(random, person, invitations.ANSWERED, joined=person)


def unanswered_invite(random: Random) -> Outcome:
    """Somebody is invited and does not answer: Graph gives up after a minute."""
    return _invite(random, somebody_by_phone(random), invitations.UNANSWERED)


def refused_invite(random: Random) -> Outcome:
    """An invitation fails for another reason."""
    ending = random.choice(list(invitations.REFUSED.values()))
    return _invite(random, somebody_by_phone(random), ending)


def play_prompt(random: Random) -> Outcome:
    """A prompt is played to its end."""
    members: JSONObject = {"completionReason": "completedSuccessfully"}
    success = (200, 0, "Action completed successfully.")
    return Outcome("playPromptOperation", COMPLETED, random.uniform(3, 12), members, success)


def failed_prompt(random: Random) -> Outcome:
    """A prompt can't be fetched."""
    members: JSONObject = {"completionReason": "mediaFileNotFound"}
    result = (400, 8508, "The prompt could not be downloaded.")
    return Outcome("playPromptOperation", FAILED, random.uniform(1, 4), members, result)


def record(random: Random) -> Outcome:
    """A caller speaks, and the recording can be fetched with a token: a secret of the body."""
    members: JSONObject = {
        "recordingLocation": f"https://recordings.example/{new_id(random)}",
        "recordingAccessToken": f"simulated-recording-token-{random.getrandbits(160):040x}",
        "completionReason": random.choice(["stopToneDetected", "maxSilenceTimeout", "maxRecordDuration"]),
    }
    return Outcome("recordOperation", COMPLETED, random.uniform(8, 30), members, (200, 0, ""))


def send_dtmf_tones(random: Random) -> Outcome:
    """Tones are sent. Graph says `completed` even when they failed; only the reason differs."""
    members: JSONObject = {
        "completionReason": random.choice(["completedSuccessfully", "mediaOperationCanceled"])
    }
    return Outcome("sendDtmfTonesOperation", COMPLETED, random.uniform(1, 4), members)


def start_hold_music(random: Random) -> Outcome:
    """A participant hears music."""
    return Outcome("startHoldMusicOperation", COMPLETED, random.uniform(0.5, 2), {}, (200, 0, ""))


def stop_hold_music(random: Random) -> Outcome:
    """The music ends."""
    return Outcome("stopHoldMusicOperation", COMPLETED, random.uniform(0.5, 2), {}, (200, 0, ""))


def add_large_gallery_view(random: Random) -> Outcome:
    """The large gallery view is added."""
    return Outcome("addLargeGalleryViewOperation", COMPLETED, random.uniform(1, 3), {})


def configure_mixer(random: Random) -> Outcome:
    """The audio mixer is set: Graph reports it as a bare commsOperation."""
    return Outcome("commsOperation", COMPLETED, random.uniform(0.5, 2), {}, (200, 0, ""))


OTHERS: Final[tuple[Callable[[Random], Outcome], ...]] = (
    refused_invite,
    failed_prompt,
    send_dtmf_tones,
    start_hold_music,
    stop_hold_music,
    add_large_gallery_view,
    configure_mixer,
)
"""What a call may hold beside the invitations, a prompt and a recording that every call holds."""


def _invite(random: Random, person: Person, ending: Ending, joined: Person | None = None) -> Outcome:
    info: JSONObject = {
        "@odata.type": "#microsoft.graph.invitationParticipantInfo",
        "identity": person.identity_set(),
    }
    result = (ending.code, ending.subcode, ending.message.format(person.address))
    after = random.uniform(*ending.after)
    return Outcome(invitations.TYPE, ending.status, after, {"participants": [info]}, result, joined)
