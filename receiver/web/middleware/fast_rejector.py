"""Fast rejection: reject a request that is shed before it is parsed.

Parsing a request takes longer than rejecting it, and under overload most are rejected. Only a request that has arrived
whole, and has an unambiguous end, is rejected here. Any other is parsed, and rejected by the load shedder.
"""

import re
from typing import Final

from receiver.errors import OverloadedError
from receiver.server.raw_responses import raw_answer
from receiver.web.middleware.load_shedder import LoadShedder, rejection

_REQUEST: Final = re.compile(
    rb"(GET|POST|PUT|DELETE) (/[!-~]*+) HTTP/1\.1\r\n(?:[\w!#$%&'*+.^`|~-]++:[^\r\n\0]*+\r\n)*\r\n"
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n)")
_KEPT_ALIVE: Final = re.compile(rb"\r\nconnection:[ \t]*keep-alive[ \t]*(?=\r\n)")
_REQUEST_ID: Final = re.compile(rb"\r\nx-request-id:[ \t]*([\w.:-]+)[ \t]*(?=\r\n)", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(rb"\r\nauthorization:[ \t]*([!-~][ -~]*)", re.IGNORECASE)
_COOKIE: Final = re.compile(rb"\r\ncookie:", re.IGNORECASE)
_SCHEMES: Final = re.compile(rb"\r\nx-forwarded-proto:(?:[^\r\n]*,)?[ \t]*(\w+)[ \t]*(?=\r\n)")
_OTHERWISE_FRAMED: Final = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:")


class FastRejector:
    """Rejects requests by their bytes on the wire.

    Args:
        load_shedder: decides which requests are shed, and counts them.
        behind_proxy: whether `X-Forwarded-Proto` is the scheme.
    """

    def __init__(self, load_shedder: LoadShedder, *, behind_proxy: bool) -> None:
        self._load_shedder = load_shedder
        self._behind_proxy = behind_proxy

    def reject(self, data: bytes) -> bytes | None:
        """Return the whole response to a request that is shed; None if the request is to be parsed.

        Args:
            data: the bytes received since the beginning of the request.
        """
        if not self._load_shedder.is_shedding:
            return None
        request = _REQUEST.match(data)
        if request is None or not _is_whole(data, request.end()):
            return None
        method, path = request[1].decode(), request[2].partition(b"?")[0].decode()
        head = data[: request.end()]
        authorization = _AUTHORIZATION.search(head)
        priority = self._load_shedder.classify(
            method,
            path,
            authorization[1].decode() if authorization else None,
            has_cookie=_COOKIE.search(head) is not None,
        )
        if not self._load_shedder.sheds(priority):
            return None
        self._load_shedder.count_rejection(path)
        schemes = _SCHEMES.findall(head.lower()) if self._behind_proxy else []
        given = _REQUEST_ID.search(head)
        headers, document = rejection(given[1].decode() if given else None, https=schemes[-1:] == [b"https"])
        return raw_answer(OverloadedError.status, headers, document)


def _is_whole(data: bytes, head: int) -> bool:
    """Return whether these bytes are exactly one request with its body, and the connection stays open after it."""
    fields = data[: head - 2].lower()
    lengths = _LENGTH.findall(fields)
    return (
        len(data) == head + sum(map(int, lengths))
        and fields.count(b"\r\ncontent-length:") == len(lengths) <= 1
        and fields.count(b"\r\nconnection:") == len(_KEPT_ALIVE.findall(fields))
        and not any(name in fields for name in _OTHERWISE_FRAMED)
    )
