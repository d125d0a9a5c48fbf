"""The query argument `deadline`: seconds from the first update of an operation until its result is due."""

import re
from typing import Final

from receiver.errors import BadRequestError
from receiver.web.middleware.request_context import query_argument

MIN_DEADLINE: Final = 1
"""Seconds; the shortest deadline of a registration."""

MAX_DEADLINE: Final = 86_400
"""Seconds; the longest deadline of a registration, a day."""


def read_deadline() -> int | None:
    """Return the deadline that the request sets, in seconds; None without one.

    Raises:
        BadRequestError: it is not a whole number of seconds, or too many.
    """
    text = query_argument("deadline")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not MIN_DEADLINE <= int(text) <= MAX_DEADLINE:
        raise BadRequestError(
            f"`deadline` must be a whole number of seconds from {MIN_DEADLINE} to {MAX_DEADLINE}. "
            "Leave it out for the default, RECEIVER_OVERDUE_SECONDS."
        )
    return int(text)
