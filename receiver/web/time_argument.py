"""A time in a query argument: RFC 3339, also with the space that URL decoding makes of a `+`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from marshmallow import ValidationError, fields

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?([Zz]|[ +-]\d\d:?\d\d)?", re.ASCII
)
_EXAMPLE: Final = "such as 2026-11-24T12:00:00Z or 2026-11-24T12:00:00+01:00"


class TimeArgument(fields.AwareDateTime):
    """A time with its offset. A space before the offset is read as `+`, which decodes to a space in a query."""

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
