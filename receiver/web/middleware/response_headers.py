"""What every answer's headers tell browsers, unless the view that made it has told them otherwise."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from receiver.server.security_headers import HARDENING, HTTPS_ONLY

_Headers: TypeAlias = Sequence[tuple[str, str]]

_WITH_HTTPS: Final = (*HARDENING, HTTPS_ONLY)
_NAMES: Final = frozenset(name.lower() for name, _ in HARDENING)


def hardening(scheme: str, told: _Headers) -> _Headers:
    """Return the headers of `receiver.server.security_headers` that an answer still lacks.

    Args:
        scheme: by which the request came, `http` or `https`.
        told: the answer's own headers.
    """
    wanted = _WITH_HTTPS if scheme == "https" else HARDENING
    names = _NAMES.intersection([name.lower() for name, _ in told])
    return [header for header in wanted if header[0].lower() not in names] if names else wanted
