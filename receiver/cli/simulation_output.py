"""The output of `receiver simulate`: a line for each post, a hint after each call, and a summary."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

import click

from receiver.cli.operation_text import escaped
from receiver.simulator.notification_sender import Answer
from receiver.simulator.posts import Post
from receiver.simulator.scenarios import Expectation, Step

_CONTEXT_WIDTH: Final = 38


class SimulationOutput:
    """Prints the progress of a run. click omits the colours if the output is not a terminal.

    Args:
        expected: the statuses that are right, and green.
        quiet: print the summary only.
        now: the local time.
    """

    def __init__(
        self, expected: frozenset[int], *, quiet: bool = False, now: Callable[[], datetime] = datetime.now
    ) -> None:
        self._expected = expected
        self._quiet = quiet
        self._now = now
        self._last_detail = ""

    def show_post(self, post: Post, answer: Answer) -> None:
        """Print a post and its response; a reason once, until another one follows."""
        if self._quiet:
            return
        is_right = answer.status in self._expected
        status = click.style(f"{answer.status or '---'}", fg="green" if is_right else "red")
        attempts = f"  {answer.attempts} attempts" if answer.attempts > 1 else ""
        click.echo(
            f"{self._now():%H:%M:%S.%f}"[:-3]
            + f"  {_title(post.steps):<34} {_context(post.steps):<{_CONTEXT_WIDTH}} {status}"
            + f" {answer.seconds * 1000:6.0f} ms{attempts}"
        )
        if not is_right and answer.detail and answer.detail != self._last_detail:
            self._last_detail = answer.detail
            click.echo(f"{'':14}{escaped(answer.detail)}")

    def show_line(self, line: str) -> None:
        """Print a line, unless quiet."""
        if not self._quiet:
            click.echo(line)

    def show_summary(self, lines: Iterable[str]) -> None:
        """Print the summary, even if quiet."""
        for line in lines:
            click.echo(line)


def curl_hint(url: str, query_key: str, expectation: Expectation) -> str:
    """Return a command that queries the receiver for an operation by its client context."""
    parts = urlsplit(url)
    context = quote(expectation.client_context or "", safe="")
    address = f"{parts.scheme}://{parts.netloc}/operations/{context}"
    return f"curl -H 'Authorization: Bearer {query_key}' '{address}'"


def _title(steps: tuple[Step, ...]) -> str:
    title = _main_step(steps).title
    return f"{title} (+{len(steps) - 1})" if len(steps) > 1 else title


def _context(steps: tuple[Step, ...]) -> str:
    expectation = _main_step(steps).expectation
    if expectation is None:
        return ""
    context = escaped(expectation.client_context or "(no client context)")
    return context if len(context) <= _CONTEXT_WIDTH else f"{context[: _CONTEXT_WIDTH - 1]}…"


def _main_step(steps: tuple[Step, ...]) -> Step:
    return next((step for step in steps if step.final), steps[0])
