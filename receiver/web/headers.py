"""What every answer's headers tell browsers, unless the view that made it has told them otherwise."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from receiver.hardening import HARDENING, HTTPS_ONLY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_Headers: TypeAlias = Sequence[tuple[str, str]]

_WITH_HTTPS: Final = (*HARDENING, HTTPS_ONLY)
_NAMES: Final = frozenset(name.lower() for name, _ in HARDENING)


def hardening(environ: "WSGIEnvironment", told: _Headers) -> _Headers:
    """Return the headers of `receiver.hardening` that an answer still lacks.

    Args:
        environ: the request's.
        told: the answer's own headers.
    """
    wanted = _WITH_HTTPS if environ["wsgi.url_scheme"] == "https" else HARDENING
    names = _NAMES.intersection([name.lower() for name, _ in told])
    return [header for header in wanted if header[0].lower() not in names] if names else wanted
