"""Timelines as strips: each state from where to where, in thousandths of the strip's length. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from receiver.web.pages.operation_wording import Word, state_word

LENGTH: Final = 1000
_LEAST: Final = 14
"""The least length of a segment, so that a short state stays visible."""


@dataclass(frozen=True, slots=True)
class Step:
    """One state of a timeline: when it began (ms since 1970), and how long after the one before (None: first)."""

    word: Word
    at: int
    after: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a strip: where it begins, how long it is, and its tone."""

    start: int
    length: int
    tone: str


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a strip shows, in ms since 1970."""

    start: int
    end: int

    def place(self, at: int) -> int:
        """Return the place of a time on the strip."""
        whole = max(1, self.end - self.start)
        return min(LENGTH, max(0, (at - self.start) * LENGTH // whole))


def steps(times: Mapping[str, int]) -> list[Step]:
    """Return the states of a timeline in the order in which they were first seen."""
    ordered = sorted(times.items(), key=lambda time: time[1])
    before = [None, *(at for _, at in ordered)]
    return [
        Step(state_word(state), at, None if last is None else at - last)
        for (state, at), last in zip(ordered, before, strict=False)
    ]


def strip(times: Mapping[str, int], span: Span, *, until: int) -> list[Segment]:
    """Return the segments of a timeline within a span: each state lasts until the next, the last one until `until`."""
    ordered = sorted(times.items(), key=lambda time: time[1])
    ends = [*ordered, ("", max(until, ordered[-1][1]))] if ordered else []
    return [
        _segment(span.place(begin), span.place(end), state_word(state).tone)
        for (state, begin), (_, end) in pairwise(ends)
    ]


def _segment(start: int, end: int, tone: str) -> Segment:
    length = max(_LEAST, end - start)
    return Segment(min(start, LENGTH - length), length, tone)
