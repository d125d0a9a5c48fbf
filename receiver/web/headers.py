"""What every answer's headers tell browsers, unless the view that made it has told them otherwise.

Added where the answer leaves the app: Flask's response would look at each of them three times.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from receiver.hardening import HARDENING, HTTPS_ONLY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NAMES = frozenset(name.lower() for name, _ in HARDENING)


def harden(application: "WSGIApplication") -> "WSGIApplication":
    """Have every answer of a WSGI application carry the headers of `receiver.hardening`."""

    def hardened(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        is_https = environ["wsgi.url_scheme"] == "https"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *_missing(headers), *([HTTPS_ONLY] * is_https)], *rest)

        return application(environ, start)

    return hardened


def _missing(headers: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    told = _NAMES.intersection([name.lower() for name, _ in headers])
    return [header for header in HARDENING if header[0].lower() not in told] if told else HARDENING
