"""Keeps count of what was sent and answered, and writes the report that a checker needs."""

import json
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, TextIO

from receiver.simulator.notification_sender import Answer
from receiver.simulator.posts import Delivery
from receiver.simulator.scenarios import Expectation

ACCEPTED: Final = HTTPStatus.ACCEPTED


class Ledger:
    """The account of a run.

    Args:
        expected: the statuses that are right for the token in use.
        report: where to write a JSON line for each operation whose result was posted.
    """

    def __init__(self, expected: frozenset[int], report: TextIO | None = None) -> None:
        self._expected = expected
        self._report = report
        self._results: dict[Expectation, int | None] = {}
        self._statuses: Counter[int | None] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._notifications = 0
        self._calls = 0

    def note(self, delivery: Delivery, answer: Answer) -> None:
        """Enter a delivery and what came of it."""
        self._statuses[answer.status] += 1
        self._notifications += len(delivery.steps)
        for step in delivery.steps:
            if step.final and step.expectation:
                self._note_result(step.expectation, answer.status)

    def close_call(self) -> Expectation | None:
        """Report on the operations of the call that is over.

        Returns:
            One that completed, was accepted, and can be asked for by its client context, if there is one.
        """
        self._calls += 1
        accepted = [expectation for expectation, status in self._results.items() if status == ACCEPTED]
        for expectation, status in self._results.items():
            self._outcomes[expectation.status if status == ACCEPTED else "not accepted"] += 1
            if self._report:
                self._report.write(json.dumps(_line(expectation, status)) + "\n")
                self._report.flush()
        self._results = {}
        return next((one for one in accepted if one.status == "completed" and one.client_context), None)

    @property
    def all_as_expected(self) -> bool:
        """Whether every delivery got an answer that is right for the token in use."""
        return set(self._statuses) <= self._expected

    def summary(self) -> Iterator[str]:
        """Tell the account, line by line."""
        deliveries = self._statuses.total()
        yield f"Sent       {deliveries} deliveries, {self._notifications} notifications, calls: {self._calls}"
        yield f"Answered   {_counts(self._statuses) or 'nothing'}"
        yield f"Operations {_counts(self._outcomes) or 'none'}"

    def _note_result(self, expectation: Expectation, status: int | None) -> None:
        # Sent twice, it is kept if either was; a later refusal takes nothing back.
        if self._results.get(expectation) != ACCEPTED:
            self._results[expectation] = status


def _line(expectation: Expectation, http_status: int | None) -> dict[str, object]:
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
