"""The door: what is shed is refused here, before anybody has read more of it than where it ends.

To read a request takes longer than to refuse it, and in an overload most are refused. Only what comes whole, and can
be read in no two ways, is refused here; all else goes on to the HTTP parser, and is refused behind it.
"""

import re
from typing import Final

from receiver.errors import OverloadedError
from receiver.server.raw_responses import raw_answer
from receiver.web.middleware.load_shedder import LoadShedder, refusal

_REQUEST: Final = re.compile(
    rb"(GET|POST|PUT|DELETE) (/[!-~]*+) HTTP/1\.1\r\n(?:[\w!#$%&'*+.^`|~-]++:[^\r\n\0]*+\r\n)*+\r\n"
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n)")
_KEPT_ALIVE: Final = re.compile(rb"\r\nconnection:[ \t]*keep-alive[ \t]*(?=\r\n)")
_REQUEST_ID: Final = re.compile(rb"\r\nx-request-id:[ \t]*([\w.:-]+)[ \t]*(?=\r\n)", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(rb"\r\nauthorization:[ \t]*([!-~][ -~]*)", re.IGNORECASE)
_COOKIE: Final = re.compile(rb"\r\ncookie:", re.IGNORECASE)
_SCHEMES: Final = re.compile(rb"\r\nx-forwarded-proto:(?:[^\r\n]*,)?[ \t]*(\w+)[ \t]*(?=\r\n)")
_OTHERWISE_FRAMED: Final = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:")


class FastRejector:
    """Refuses requests as they come over the wire.

    Args:
        load_shedder: knows what is too much, and counts what is refused.
        behind_proxy: whether `X-Forwarded-Proto` tells the scheme.
    """

    def __init__(self, load_shedder: LoadShedder, *, behind_proxy: bool) -> None:
        self._load_shedder = load_shedder
        self._behind_proxy = behind_proxy

    def refuse(self, data: bytes) -> bytes | None:
        """Answer what is shed.

        Args:
            data: what has been received at the beginning of a request.

        Returns:
            The whole answer, after which the next request may come; None where the request is to be read.
        """
        if not self._load_shedder.sheds_anything:
            return None
        request = _REQUEST.match(data)
        if request is None or not _is_whole(data, request.end()):
            return None
        method, path = request[1].decode(), request[2].partition(b"?")[0].decode()
        head = data[: request.end()]
        authorization = _AUTHORIZATION.search(head)
        rank = self._load_shedder.rank(
            method,
            path,
            authorization[1].decode() if authorization else None,
            has_cookie=_COOKIE.search(head) is not None,
        )
        if not self._load_shedder.sheds(rank):
            return None
        self._load_shedder.refuse(path)
        schemes = _SCHEMES.findall(head.lower()) if self._behind_proxy else []
        given = _REQUEST_ID.search(head)
        headers, document = refusal(given[1].decode() if given else None, https=schemes[-1:] == [b"https"])
        return raw_answer(OverloadedError.status, headers, document)


def _is_whole(data: bytes, head: int) -> bool:
    """Tell whether these bytes are one request, its body and nothing else, and the connection goes on after it."""
    fields = data[: head - 2].lower()
    lengths = _LENGTH.findall(fields)
    return (
        len(data) == head + sum(map(int, lengths))
        and fields.count(b"\r\ncontent-length:") == len(lengths) <= 1
        and fields.count(b"\r\nconnection:") == len(_KEPT_ALIVE.findall(fields))
        and not any(name in fields for name in _OTHERWISE_FRAMED)
    )
