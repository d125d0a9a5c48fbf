"""One HTTP request and its response: builds the request, and raises errors. It knows nothing of operations."""

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
"""Time limit for connecting to the receiver."""

_READ_SECONDS: Final = 10.0
"""Seconds without a byte of the response after which a request fails; a wait has as many more as it lasts."""

_ATTEMPTS: Final = 2
"""Attempts of a request: a kept-alive connection may have been closed by the server. Every request is idempotent."""

_ERRORS: Final = 400
_REDIRECTS: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response: its HTTP status, and the object in its body, empty if there is none."""

    status: int
    document: Mapping[str, Any]


class Exchange:
    """Sends requests to one receiver.

    Args:
        url: the receiver's address.
        key: the API key; None for a receiver that needs none.
        http: a pool of urllib3 to use instead of a new one, which would use the environment's proxy.

    Raises:
        ValueError: the address, the key, or the environment's proxy is malformed.
    """

    def __init__(self, url: str, key: str | None, http: urllib3.PoolManager | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not an address such as https://receiver.example")
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise ValueError("the key contains a character that no key has, such as a space or a line break")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._pool = ProcessPool(parts, http)
        self._headers = {"User-Agent": f"receiver-client/{__version__}"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        held: float | None = None,
    ) -> Answer:
        """Send a request, and return the response.

        Args:
            method: the HTTP method.
            path: the path below the receiver's address, percent-encoded.
            query: query parameters; empty ones are omitted.
            body: an object to send as JSON.
            held: seconds for which the receiver may delay the response; such a request is not retried.

        Raises:
            UnreachableError, ProblemError, UnexpectedAnswerError: see their docstrings.
        """
        response = self._request(
            method,
            self._address(path, query),
            headers={"Accept": "application/json"},
            body=None if body is None else json.dumps(body).encode(),
            timeout=_timeout((held or 0) + _READ_SECONDS),
            attempts=_ATTEMPTS if held is None else 1,
        )
        if response.status >= _REDIRECTS:
            raise _error(response)
        return Answer(response.status, _object(response) if response.data else {})

    def listen(
        self, path: str, *, query: Mapping[str, str], last_event_id: str, silence: float
    ) -> urllib3.BaseHTTPResponse:
        """Open a stream of server-sent events; the caller reads and closes it.

        Args:
            path: the path below the receiver's address.
            query: query parameters; empty ones are omitted.
            last_event_id: the event after which to go on; empty to begin.
            silence: seconds without a byte after which reading fails.

        Raises:
            UnreachableError, ProblemError, UnexpectedAnswerError: see their docstrings.
        """
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        response = self._request(
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

    def _request(
        self, method: str, url: str, *, headers: Mapping[str, str], attempts: int = 1, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        all_headers = {**self._headers, **headers}
        if options.get("body") is not None:
            all_headers["Content-Type"] = "application/json"
        while True:
            try:
                # No redirects: they would send the key to another host. No retries: urllib3 logs responses with them.
                return self._pool.get().request(
                    method, url, headers=all_headers, redirect=False, retries=False, **options
                )
            except HTTPError as error:  # urllib3's base class
                failure = unreachable(self.url, self._pool.proxy, error)
            attempts -= 1
            if not attempts or isinstance(failure, MisconfiguredError):
                raise failure


def segment(text: str) -> str:
    """Percent-encode any text as one segment of a path.

    Raises:
        ValueError: the text is empty, or not valid Unicode (a lone surrogate): no path can contain it.
    """
    if not text:
        raise ValueError("a client context can't be empty")
    encoded = quote(text, safe="")
    # Unencoded, "." and ".." would be removed from the path.
    return encoded.replace(".", "%2E") if text in {".", ".."} else encoded


def _timeout(read: float) -> urllib3.Timeout:
    return urllib3.Timeout(connect=_CONNECT_SECONDS, read=read)


def _error(response: urllib3.BaseHTTPResponse) -> Exception:
    """Return the error for a response other than the expected one."""
    status = response.status
    if _REDIRECTS <= status < _ERRORS:
        target = response.headers.get("Location", "another one")
        return UnexpectedAnswerError(f"The address redirects to {target}. Use the receiver's own address.")
    if status == 407:  # noqa: PLR2004 - a proxy's
        return MisconfiguredError(NO_PROXY_CREDENTIALS)
    if _content_type(response) == "application/problem+json":
        return problem(status, _object(response), _retry_after(response))
    if status >= 500 or status == 429:  # noqa: PLR2004 - a router's, without a problem document
        return problem(status, {"title": response.reason or "no reason given"}, _retry_after(response))
    kind = _content_type(response) or "no content type"
    return UnexpectedAnswerError(
        f"The response is not a receiver's: status {status}, {kind}. Check the address."
    )


def _object(response: urllib3.BaseHTTPResponse) -> Mapping[str, Any]:
    try:
        document = json.loads(response.data)
    except ValueError:
        document = None
    except HTTPError as error:
        raise UnreachableError(f"The response broke off: {describe(root_of(error))}") from error
    if not isinstance(document, dict):
        raise UnexpectedAnswerError(
            f"The response is not a receiver's: status {response.status}, no JSON object. Check the address."
        )
    return document


def _content_type(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() and value.isascii() else None
