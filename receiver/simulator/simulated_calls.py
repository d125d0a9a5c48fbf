"""Notifications of a call itself: states, roster, tones, shared screens; not of its operations."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random

from receiver.simulator.chance import with_probability
from receiver.simulator.notification_bodies import Shape, envelope, notification, resource
from receiver.simulator.signing_key import JSONObject
from receiver.simulator.simulated_people import Person, new_id


@dataclass(frozen=True, slots=True)
class CallNotifications:
    """Builds the notifications of one call, each in a shape of its own.

    Attributes:
        random: chooses shapes and ids.
        call_id: the call.
        tenant_id: the tenant it belongs to.
        app_id: the calling app, which is a participant too.
        caller: the person that calls the app, or is called by it.
        direction: `incoming` or `outgoing`.
    """

    random: Random
    call_id: str
    tenant_id: str
    app_id: str
    caller: Person
    direction: str
    sends_deltas: bool = False
    """The app has set `isDeltaRosterEnabled`: after the first, a roster has only the participants that changed."""
    _participant_ids: dict[str, str] = field(default_factory=dict)
    _sent: list[dict[str, bool]] = field(default_factory=list)
    """The rosters so far: each participant, and whether it was muted."""

    def skype_incoming(self) -> JSONObject:
        """Return an incoming call in the old Skype format: no envelope, no `@odata`."""
        return {
            "id": self.call_id,
            "participants": [
                {"identity": self.caller.address, "displayName": self.caller.name, "originator": True},
                {"identity": f"28:{self.app_id}", "originator": False},
            ],
            "isMultiparty": False,
            "presentedModalityTypes": ["audio"],
            "callState": "incoming",
            "threadId": None,
        }

    def incoming(self) -> JSONObject:
        """Return an incoming call."""
        application: JSONObject = {"id": self.app_id, "displayName": "Front desk"}
        return self._call(
            "created",
            {
                "state": "incoming",
                "direction": "incoming",
                "source": {"identity": self.caller.identity_set(), "region": "amer", "languageId": "en-US"},
                "targets": [{"identity": {"application": application}}],
                "requestedModalities": ["audio"],
                "tenantId": self.tenant_id,
            },
        )

    def state(self, state: str, **members: object) -> JSONObject:
        """Return an update to a state; `members` vary between updates."""
        return self._call("updated", {"state": state, **members})

    def established_members(self) -> list[dict[str, object]]:
        """Return the members of successive `established` notifications; each has others."""
        meeting_token = f"simulated-meeting-token-{self.random.getrandbits(160):040x}"
        return [
            {"direction": self.direction, "tenantId": self.tenant_id},
            {"mediaState": {"@odata.type": "#microsoft.graph.callMediaState", "audio": "active"}},
            {"meetingInfo": {"@odata.type": "#microsoft.graph.tokenMeetingInfo", "token": meeting_token}},
            {"myParticipantId": new_id(self.random), "callChainId": new_id(self.random)},
        ]

    def tone(self, sequence: int) -> JSONObject:
        """Return a key press, which Graph sends within an update of the call."""
        info: JSONObject = {
            "@odata.type": "#microsoft.graph.toneInfo",
            "sequenceId": sequence,
            "tone": f"tone{self.random.randrange(10)}",
        }
        return self.state("established", toneInfo=info)

    def roster(self, people: Iterable[Person], *, muted: Person | None = None) -> JSONObject:
        """Return a roster. A mute appears here only: its operation sends no notification."""
        shape = Shape.draw(self.random)
        if self.sends_deltas:
            return self._delta(replace(shape, id_in_body=True), list(people), muted)
        participants = [self._participant(shape, person, person is muted) for person in people]
        # An example in the documentation has a roster under this address, although it is not an operation.
        below = ("operations", "participants") if with_probability(self.random, 0.05) else ("participants",)
        return envelope(notification(shape, "updated", self.call_id, *below, data=participants))

    def _delta(self, shape: Shape, people: list[Person], muted: Person | None) -> JSONObject:
        """Return the participants that changed since the last roster, with a sequence number."""
        before = self._sent[-1] if self._sent else {}
        now = {person.id: person is muted for person in people}
        self._sent.append(now)
        changed = [person for person in people if before.get(person.id) != now[person.id]]
        delta: JSONObject = {
            "@odata.type": "#microsoft.graph.deltaParticipants",
            "participants": [self._participant(shape, person, now[person.id]) for person in changed],
            "sequenceNumber": len(self._sent),
        }
        return envelope(notification(shape, "updated", self.call_id, "participants", data=[delta]))

    def sharing(self, change_type: str, session_id: str) -> JSONObject:
        """Return the beginning (`created`) or end (`deleted`) of a shared screen."""
        session: JSONObject = {"@odata.type": "#microsoft.graph.contentSharingSession", "id": session_id}
        return envelope(
            notification(
                Shape.draw(self.random), change_type, self.call_id, "contentsharingsessions", data=[session]
            )
        )

    def deleted(self) -> JSONObject:
        """Return the end of the call, with its last state or, as in the documentation, without one."""
        ending: JSONObject = {
            "state": "terminated",
            "resultInfo": {"code": 200, "subcode": 0, "message": "Call ended."},
            "terminationReason": "AppHangUp",
        }
        return self._call("deleted", ending if with_probability(self.random, 0.7) else {})

    def _call(self, change_type: str, members: JSONObject) -> JSONObject:
        shape = Shape.draw(self.random)
        data = resource(shape, "call", self.call_id, members)
        return envelope(notification(shape, change_type, self.call_id, data=data))

    def _participant(self, shape: Shape, person: Person, muted: bool) -> JSONObject:
        participant_id = self._participant_ids.setdefault(person.id, new_id(self.random))
        info: JSONObject = {
            "@odata.type": "#microsoft.graph.participantInfo",
            "identity": person.identity_set(),
            "endpointType": "default",
            "languageId": "en-US",
        }
        stream: JSONObject = {
            "@odata.type": "#microsoft.graph.mediaStream",
            "mediaType": "audio",
            "sourceId": "1",
            "direction": "sendReceive",
            "serverMuted": False,
        }
        members: JSONObject = {"info": info, "mediaStreams": [stream], "isMuted": muted, "isInLobby": False}
        return resource(shape, "participant", participant_id, members)
