"""Records as the templates show them: in words, with links, and without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from receiver.graph.json_codec import JSON, parse
from receiver.graph.privacy import public_members, without_secrets
from receiver.graph.results import Result, result_of
from receiver.graph.statuses import ENDED_RANK, state_rank
from receiver.graph.updates import Members
from receiver.store.records import CallRecord, OperationRecord
from receiver.web import representation
from receiver.web.pages import attendees
from receiver.web.pages.operation_wording import (
    OVERDUE,
    Word,
    key_word,
    state_word,
    type_words,
)
from receiver.web.pages.timeline_strips import Segment, Span, Step, steps, strip

_MOST_OF_A_ROSTER: Final = 100
"""Participants that the page shows; a thousand would take 1.4 s of the worker at each change."""


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation, as it stands at a time `now` (ms since 1970)."""

    record: OperationRecord
    now: int

    @property
    def href(self) -> str:
        """The path of its page."""
        return f"/view/operation/{self.record.number}"

    @property
    def type(self) -> str:
        """Its type, in words."""
        return type_words(self.record.type)

    @property
    def state(self) -> Word:
        """Its state, in words."""
        return state_word(OVERDUE if self.record.overdue else self.record.status)

    @property
    def people(self) -> tuple[str, ...]:
        """The names of its participants."""
        return attendees.invited(public_members(self.record.members).get("participants"))

    @property
    def result(self) -> Result | None:
        """Its result; None while there is none."""
        return result_of(self.record.status, public_members(self.record.members))

    @property
    def conflict(self) -> Result | None:
        """The second, different result, if there is one."""
        conflict = self.record.conflict
        return result_of(conflict.status, public_members(conflict.members)) if conflict else None

    @property
    def took(self) -> int | None:
        """Ms from the first update to the result; None without a result, or where the result was the first update."""
        if not self.record.done:
            return None
        return (self.ended - self.record.first_seen) or None

    @property
    def ended(self) -> int:
        """When it ended; now, if it has not."""
        return (
            self.record.times.get(self.record.status, self.record.updated) if self.record.done else self.now
        )

    @property
    def steps(self) -> list[Step]:
        """Its states in the order in which they were first seen."""
        return steps(self._times)

    @property
    def strip(self) -> list[Segment]:
        """Its states over its own time."""
        return self.strip_within(Span(self.record.first_seen, self.ended))

    def strip_within(self, span: Span) -> list[Segment]:
        """Lay its timeline out over a longer span, such as its call's."""
        return strip(self._times, span, until=self.ended)

    @property
    def document(self) -> JSON:
        """The resource as merged, without secrets."""
        return parse(orjson.dumps(representation.operation(self.record)["operation"]))

    @property
    def conflict_document(self) -> JSON:
        """The second, different result, without secrets."""
        return parse(orjson.dumps(representation.operation(self.record)["conflict"]))

    @property
    def has_secrets(self) -> bool:
        """Whether secrets are left out."""
        return _has_secrets(self.record.members)

    @property
    def _times(self) -> Mapping[str, int]:
        times, due = self.record.times, self.record.due
        return {**times, OVERDUE: due} if self.record.overdue and due else times


@dataclass(frozen=True, slots=True)
class RosterView:
    """The first participants in a call, in words and as Graph writes them, and how many more there are."""

    attendees: tuple[attendees.Attendee, ...]
    document: list[JSON]
    left_out: int


@dataclass(frozen=True, slots=True)
class CallView:
    """A call, as it stands at a time `now` (ms since 1970); of some calls only operations are known."""

    call_id: str
    record: CallRecord | None
    operations: tuple[OperationView, ...]
    now: int

    @property
    def state(self) -> Word | None:
        """Its state, in words."""
        return state_word(self.record.state) if self.record else None

    @property
    def ended(self) -> bool:
        """Whether the call has ended."""
        return self.record is not None and state_rank(self.record.state) == ENDED_RANK

    @property
    def span(self) -> Span:
        """The time from the first update to the last; to now while the call has not ended."""
        records = [one.record for one in self.operations]
        starts = [record.first_seen for record in records]
        ends = [one.ended for one in self.operations]
        if self.record:
            starts.append(self.record.first_seen)
            ends.append(self._until)
        return Span(min(starts), max(ends))

    @property
    def steps(self) -> list[Step]:
        """Its states in the order in which they were first seen."""
        return steps(self._times)

    @property
    def strip(self) -> list[Segment]:
        """Its states over the time of all its operations."""
        return strip(self._times, self.span, until=self._until)

    @property
    def roster(self) -> "RosterView | None":
        """Return the participants in it; None where no roster has arrived."""
        roster = self.record.roster if self.record else None
        if roster is None:
            return None
        participants = parse(without_secrets(roster).encode())
        listed = participants if isinstance(participants, list) else []
        shown = listed[:_MOST_OF_A_ROSTER]
        return RosterView(attendees.attendees(shown), shown, len(listed) - len(shown))

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the last keys that were pressed in it, in their order."""
        tones = self.record.tones if self.record else ()
        return tuple(key_word(parse(without_secrets(tone).encode())) for tone in tones)

    @property
    def caller(self) -> str:
        """The name of the caller; empty where it is not known."""
        return attendees.named(public_members(self.record.members).get("source")) if self.record else ""

    @property
    def direction(self) -> str:
        """`incoming`, `outgoing`, or empty."""
        members = public_members(self.record.members) if self.record else {}
        value = parse(members.get("direction", '""').encode())
        return value if isinstance(value, str) else ""

    @property
    def document(self) -> JSON:
        """The call as merged, without secrets."""
        return parse(orjson.dumps(representation.call(self.record)["call"])) if self.record else None

    @property
    def participants_document(self) -> JSON:
        """Return the notifications of participants that join or have left, without secrets."""
        texts = self.record.participant_notifications if self.record else ()
        return [parse(without_secrets(text).encode()) for text in texts]

    @property
    def has_secrets(self) -> bool:
        """Whether secrets are left out."""
        return self.record is not None and _has_secrets(self.record.members)

    @property
    def _times(self) -> Mapping[str, int]:
        return self.record.times if self.record else {}

    @property
    def _until(self) -> int:
        return max(self._times.values(), default=self.now) if self.ended else self.now


def _has_secrets(members: Members) -> bool:
    return public_members(members) != members
