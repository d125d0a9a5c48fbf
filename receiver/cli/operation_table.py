"""The newest operations as a table that is updated in place, for `receiver watch` on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from receiver.cli import operation_text
from receiver.cli.watched_operations import RecentOperations
from receiver.client.operation import Operation

_FRAME: Final = 6
"""Lines of the terminal that are not rows: title, header, borders and the cursor's line."""

_WIDEST_RESULT: Final = 40
"""Characters of the result that the table shows: its code stands first, and the rest of long words is cut off."""

_MARKS: Final = {"completed": "✓", "failed": "✗", "running": "…"}


@contextmanager
def live_table(recent: RecentOperations, title: str) -> Iterator[Callable[[list[Operation]], None]]:
    """Show as many operations as fit on the terminal, while the context lasts.

    Yields a function to call after each change of them.
    """
    console = Console()

    def render() -> Table:
        return _table(recent.newest(max(1, console.height - _FRAME)), title)

    with Live(console=console, get_renderable=render, auto_refresh=False) as live:
        yield lambda _: live.refresh()


def _table(operations: list[Operation], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, expand=True)
    for header in ("changed", "state", "operation"):
        table.add_column(header, no_wrap=True)
    table.add_column("client context", no_wrap=True, ratio=1)
    table.add_column("result", no_wrap=True, max_width=_WIDEST_RESULT)
    for operation in operations:
        table.add_row(
            Text(operation_text.time_of_day(operation.updated)),
            _state(operation),
            Text(operation_text.short_type(operation)),
            Text(operation_text.context(operation)),
            Text(operation_text.outcome(operation)),
        )
    return table


def _state(operation: Operation) -> Text:
    mark = _MARKS.get(operation.status or "", "·")
    return Text(
        f"{mark} {operation_text.status(operation)}",
        style=operation_text.COLOURS.get(operation.status or "", ""),
    )
