"""One request and its answer. It tells answers from errors, and knows nothing of operations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from receiver import __version__
from receiver.client.connection_errors import NO_PROXY_CREDENTIALS, describe, root_of, unreachable
from receiver.client.errors import MisconfiguredError, UnexpectedAnswerError, UnreachableError, problem
from receiver.client.process_pool import ProcessPool

_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 10.0
_TRIES: Final = 2
"""A kept connection may have been closed just now at the other end, and all that we ask may be asked twice."""

_ERRORS: Final = 400
_REDIRECTS: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answered: the HTTP status, and the body, an object; empty where there is none."""

    status: int
    document: Mapping[str, Any]


class Exchange:
    """Sends requests to one receiver.

    Args:
        url: where the receiver is.
        key: the API key; None where nobody needs one.
        http: urllib3's pool to use instead of one of our own, which uses the proxy that the environment names.

    Raises:
        ValueError: the address or the key can't be one, or the environment names a proxy that can't be used.
    """

    def __init__(self, url: str, key: str | None, http: urllib3.PoolManager | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no address such as https://receiver.example")
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise ValueError("the key holds what no key holds, such as a line break")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._pool = ProcessPool(parts, http)
        self._headers = {"User-Agent": f"receiver-client/{__version__}"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        held: float | None = None,
    ) -> Answer:
        """Send a request, and return the answer.

        Args:
            method: the HTTP method.
            path: below the receiver's address, percent-encoded.
            query: further arguments; empty ones are left out.
            body: an object to send as JSON.
            held: for how many seconds the receiver may hold the answer; such a request is not tried again.

        Raises:
            UnreachableError, ProblemError, UnexpectedAnswerError: as their docstrings say.
        """
        response = self._send(
            method,
            self._address(path, query),
            headers={"Accept": "application/json"},
            body=None if body is None else json.dumps(body).encode(),
            timeout=_timeout((held or 0) + _READ_SECONDS),
            tries=_TRIES if held is None else 1,
        )
        if response.status >= _REDIRECTS:
            raise _error(response)
        return Answer(response.status, _object(response) if response.data else {})

    def listen(
        self, path: str, *, query: Mapping[str, str], last_event_id: str, silence: float
    ) -> urllib3.BaseHTTPResponse:
        """Open a stream of server-sent events; the caller reads and closes it.

        Args:
            path: below the receiver's address.
            query: further arguments; empty ones are left out.
            last_event_id: where to go on; empty to begin.
            silence: seconds without a byte after which reading fails.

        Raises:
            UnreachableError, ProblemError, UnexpectedAnswerError: as their docstrings say.
        """
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        response = self._send(
            "GET",
            self._address(path, query),
            headers=headers,
            timeout=_timeout(silence),
            preload_content=False,
        )
        if response.status == 200 and _content_type(response) == "text/event-stream":  # noqa: PLR2004
            return response
        try:
            raise _error(response)
        finally:
            response.close()

    def _address(self, path: str, query: Mapping[str, str] | None) -> str:
        arguments = {name: value for name, value in (query or {}).items() if value}
        return f"{self.url}{path}{'?' if arguments else ''}{urlencode(arguments)}"

    def _send(
        self, method: str, url: str, *, headers: Mapping[str, str], tries: int = 1, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        sent = {**self._headers, **headers}
        if options.get("body") is not None:
            sent["Content-Type"] = "application/json"
        while True:
            try:
                # No redirects: they would lead the key elsewhere. No retries: urllib3 logs what came as an answer.
                return self._pool.get().request(
                    method, url, headers=sent, redirect=False, retries=False, **options
                )
            except HTTPError as error:  # urllib3's root
                failure = unreachable(self.url, self._pool.proxy, error)
            tries -= 1
            if not tries or isinstance(failure, MisconfiguredError):
                raise failure


def segment(text: str) -> str:
    """Percent-encode any text as one segment of a path.

    Raises:
        ValueError: it is empty, or no Unicode text (a lone surrogate), so that no path can name it.
    """
    if not text:
        raise ValueError("an empty text names nothing")
    encoded = quote(text, safe="")
    # As they are, "." and ".." would lead to another path.
    return encoded.replace(".", "%2E") if text in {".", ".."} else encoded


def _timeout(read: float) -> urllib3.Timeout:
    return urllib3.Timeout(connect=_CONNECT_SECONDS, read=read)


def _error(response: urllib3.BaseHTTPResponse) -> Exception:
    """Return what an answer that is not the wanted one means."""
    status = response.status
    if _REDIRECTS <= status < _ERRORS:
        where = response.headers.get("Location", "elsewhere")
        return UnexpectedAnswerError(f"The address leads to {where}. Use the address where the receiver is.")
    if status == 407:  # noqa: PLR2004 - a proxy's
        return MisconfiguredError(NO_PROXY_CREDENTIALS)
    if _content_type(response) == "application/problem+json":
        return problem(status, _object(response), _retry_after(response))
    if status >= 500 or status == 429:  # noqa: PLR2004 - a router's, which knows no problem documents
        return problem(status, {"title": response.reason or "no reason given"}, _retry_after(response))
    kind = _content_type(response) or "without a type"
    return UnexpectedAnswerError(f"What answers there is not a receiver: status {status}, {kind}.")


def _object(response: urllib3.BaseHTTPResponse) -> Mapping[str, Any]:
    try:
        document = json.loads(response.data)
    except ValueError:
        document = None
    except HTTPError as error:
        raise UnreachableError(f"The answer broke off: {describe(root_of(error))}") from error
    if not isinstance(document, dict):
        raise UnexpectedAnswerError(
            f"What answers there is not a receiver: status {response.status}, not an object."
        )
    return document


def _content_type(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() and value.isascii() else None
