"""Times and durations in query arguments: an RFC 3339 time, and the deadline of a registration."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from marshmallow import ValidationError, fields

from receiver.errors import BadRequestError
from receiver.web.middleware.request_context import query_argument

MIN_DEADLINE: Final = 1
"""Seconds; the shortest deadline of a registration."""

MAX_DEADLINE: Final = 86_400
"""Seconds; the longest deadline of a registration, a day."""

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?([Zz]|[ +-]\d\d:?\d\d)?", re.ASCII
)
_EXAMPLE: Final = "such as 2026-11-24T12:00:00Z or 2026-11-24T12:00:00+01:00"


class TimeArgument(fields.AwareDateTime):
    """An RFC 3339 time with its offset.

    A space before the offset is read as `+`, which decodes to a space in a query.
    """

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002 - marshmallow's signature
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> datetime:
        found = _TIME.fullmatch(str(value))
        if found is None or found[2] is None:
            raise ValidationError(f"Must be a date and a time with its offset, {_EXAMPLE}.")
        date, time, offset = found.groups()
        if offset is None:
            raise ValidationError(f"The offset is missing: add Z for UTC, or one as in +01:00, {_EXAMPLE}.")
        try:
            return datetime.fromisoformat(f"{date}T{time}{offset.upper().replace(' ', '+')}")
        except ValueError:
            raise ValidationError(f"This date or time does not exist. Send one {_EXAMPLE}.") from None


def read_deadline() -> int | None:
    """Return the query argument `deadline`; None without one.

    It is the number of seconds from the first update of an operation until its result is due.

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
