"""Counts of a run's posts and responses, and the report on its operations for a checking program."""

import json
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, TextIO

from receiver.simulator.notification_sender import Answer
from receiver.simulator.posts import Post
from receiver.simulator.scenarios import Expectation

ACCEPTED: Final = HTTPStatus.ACCEPTED


class RunStatistics:
    """The counts of a run.

    Args:
        expected: the statuses that are right for the token in use.
        report: a file for a JSON line for each operation whose result was posted.
    """

    def __init__(self, expected: frozenset[int], report: TextIO | None = None) -> None:
        self._expected = expected
        self._report = report
        self._results: dict[Expectation, int | None] = {}
        self._statuses: Counter[int | None] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._notifications = 0
        self._calls = 0

    def record(self, post: Post, answer: Answer) -> None:
        """Count a post and its response."""
        self._statuses[answer.status] += 1
        self._notifications += len(post.steps)
        for step in post.steps:
            if step.final and step.expectation:
                self._record_result(step.expectation, answer.status)

    def finish_call(self) -> Expectation | None:
        """Report the operations of a call that has ended.

        Returns:
            One that completed, was accepted, and has a client context to query it by, if there is one.
        """
        self._calls += 1
        accepted = [expectation for expectation, status in self._results.items() if status == ACCEPTED]
        for expectation, status in self._results.items():
            self._outcomes[expectation.status if status == ACCEPTED else "not accepted"] += 1
            if self._report:
                self._report.write(json.dumps(_report_line(expectation, status)) + "\n")
                self._report.flush()
        self._results = {}
        return next((one for one in accepted if one.status == "completed" and one.client_context), None)

    @property
    def all_as_expected(self) -> bool:
        """Whether every post got a status that is right for the token in use."""
        return set(self._statuses) <= self._expected

    def summary(self) -> Iterator[str]:
        """Yield the counts, line by line."""
        posts = self._statuses.total()
        yield f"Sent       {posts} posts, {self._notifications} notifications, calls: {self._calls}"
        yield f"Answered   {_counts(self._statuses) or 'nothing'}"
        yield f"Operations {_counts(self._outcomes) or 'none'}"

    def _record_result(self, expectation: Expectation, status: int | None) -> None:
        # A result that is sent twice is accepted if either was; a later refusal does not change that.
        if self._results.get(expectation) != ACCEPTED:
            self._results[expectation] = status


def _report_line(expectation: Expectation, http_status: int | None) -> dict[str, object]:
    return {
        "clientContext": expectation.client_context,
        "callId": expectation.call_id,
        "operationId": expectation.operation_id,
        "type": expectation.type,
        "status": expectation.status,
        "httpStatus": http_status,
    }


def _counts(counter: Counter[int | None] | Counter[str]) -> str:
    return ", ".join(
        f"{'no answer' if name is None else name}: {count}" for name, count in counter.most_common()
    )
