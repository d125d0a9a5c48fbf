"""Add the security headers to every response, unless its view has set them itself."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from receiver.server.security_headers import HARDENING, HTTPS_ONLY

_Headers: TypeAlias = Sequence[tuple[str, str]]

_WITH_HTTPS: Final = (*HARDENING, HTTPS_ONLY)
_NAMES: Final = frozenset(name.lower() for name, _ in HARDENING)


def missing_security_headers(scheme: str, present: _Headers) -> _Headers:
    """Return the headers of `receiver.server.security_headers` that a response lacks.

    Args:
        scheme: of the request, `http` or `https`.
        present: the response's own headers.
    """
    wanted = _WITH_HTTPS if scheme == "https" else HARDENING
    names = _NAMES.intersection([name.lower() for name, _ in present])
    return [header for header in wanted if header[0].lower() not in names] if names else wanted
