"""What the simulator says on the terminal: a line for each delivery, a hint after a call, the account."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

import click

from receiver.simulator.notification_sender import Answer
from receiver.simulator.posts import Delivery
from receiver.simulator.scenarios import Expectation, Step

_CONTEXT_WIDTH: Final = 38


class Narrator:
    """Writes lines for people. Colours are dropped by click where the output is no terminal.

    Args:
        expected: the statuses that are right, and green.
        quiet: say nothing of single deliveries.
        now: the local time.
    """

    def __init__(
        self, expected: frozenset[int], *, quiet: bool = False, now: Callable[[], datetime] = datetime.now
    ) -> None:
        self._expected = expected
        self._quiet = quiet
        self._now = now
        self._said = ""

    def delivery(self, delivery: Delivery, answer: Answer) -> None:
        """Say what was sent and what came of it; a reason is told once, until another comes."""
        if self._quiet:
            return
        right = answer.status in self._expected
        status = click.style(f"{answer.status or '---'}", fg="green" if right else "red")
        tries = f"  {answer.tries} tries" if answer.tries > 1 else ""
        click.echo(
            f"{self._now():%H:%M:%S.%f}"[:-3]
            + f"  {_about(delivery.steps):<34} {_context(delivery.steps):<{_CONTEXT_WIDTH}} {status}"
            + f" {answer.seconds * 1000:6.0f} ms{tries}"
        )
        if not right and answer.detail and answer.detail != self._said:
            self._said = answer.detail
            click.echo(f"{'':14}{shown(answer.detail)}")

    def say(self, line: str) -> None:
        """Say a line, unless quiet."""
        if not self._quiet:
            click.echo(line)

    def summary(self, lines: Iterable[str]) -> None:
        """Say the account, also when quiet."""
        for line in lines:
            click.echo(line)


def curl_hint(url: str, query_key: str, expectation: Expectation) -> str:
    """Return a command that asks the receiver for an operation by its client context."""
    parts = urlsplit(url)
    context = quote(expectation.client_context or "", safe="")
    address = f"{parts.scheme}://{parts.netloc}/operations/{context}"
    return f"curl -H 'Authorization: Bearer {query_key}' '{address}'"


def shown(text: str) -> str:
    """Return text that is safe and legible on a terminal, on one line."""
    return text if text.isprintable() else repr(text)


def _about(steps: tuple[Step, ...]) -> str:
    told = next((step for step in steps if step.final), steps[0])
    return f"{told.about} (+{len(steps) - 1})" if len(steps) > 1 else told.about


def _context(steps: tuple[Step, ...]) -> str:
    told = next((step for step in steps if step.final), steps[0])
    if told.expectation is None:
        return ""
    context = shown(told.expectation.client_context or "(no client context)")
    return context if len(context) <= _CONTEXT_WIDTH else f"{context[: _CONTEXT_WIDTH - 1]}…"
