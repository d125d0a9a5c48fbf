"""Public documents, the same for every client: made once, compressed once, and sent as they are.

To make the page of documentation takes 20 ms, which a client without a key must not cost for each request.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from flask import Response, request

from receiver.web.preconditions import answer_version

_TEXTS_KEPT: Final = 8
_LEVEL: Final = 9


@dataclass(frozen=True, slots=True)
class PublicDocument:
    """A document with its compressed form.

    Args:
        content: its bytes.
        compressed: the same by gzip; None where that is not at hand.
        version: differs where the content does.
        content_type: as the header has it.
    """

    content: bytes
    compressed: bytes | None
    version: str
    content_type: str

    @classmethod
    def make(cls, content: bytes, content_type: str) -> Self:
        """Compress a document."""
        compressed = gzip.compress(content, _LEVEL, mtime=0)
        return cls(content, compressed, hashlib.sha256(content).hexdigest()[:16], content_type)

    def answer(self, status: int = 200) -> Response:
        """Return a response with the document in the form that the client takes."""
        is_compressed = self.compressed is not None and request.accept_encodings["gzip"] > 0
        response = Response(
            self.compressed if is_compressed else self.content, status, content_type=self.content_type
        )
        response.headers["Vary"] = "Accept-Encoding"
        if is_compressed:
            response.headers["Content-Encoding"] = "gzip"
        return response

    def answer_with_version(self) -> Response:
        """Return the same with its version, or what the request's conditions ask for: 304 or 412.

        Raises:
            PreconditionFailedError: `If-Match` names another version.
        """
        response = self.answer()
        response.headers["Cache-Control"] = "no-cache"
        answer_version(response, self.version)
        if "Content-Encoding" in response.headers:
            response.headers["ETag"] = (
                f'"{self.version}-gzip"'  # other bytes, so another tag (RFC 9110, 8.8.3)
            )
        return response


class VariedDocument:
    """A document in which one text differs between requests.

    The documents for the first few texts are kept. A client may make up any number of others, and for those nothing is
    compressed.

    Args:
        make: makes it, with a placeholder in place of the text.
        placeholder: what is replaced.
        content_type: as the header has it.
    """

    def __init__(self, make: Callable[[], str], placeholder: str, content_type: str) -> None:
        self._make = make
        self._placeholder = placeholder.encode()
        self._content_type = content_type
        self._kept: dict[str, PublicDocument] = {}

    def at(self, text: str) -> PublicDocument:
        """Return the document with a text, which is inserted as it is: the caller has escaped it."""
        if (known := self._kept.get(text)) is not None:
            return known
        content = self._template.replace(self._placeholder, text.encode())
        if len(self._kept) < _TEXTS_KEPT:
            self._kept[text] = PublicDocument.make(content, self._content_type)
            return self._kept[text]
        version = f"{zlib.crc32(self._template):08x}{zlib.crc32(text.encode()):08x}"
        return PublicDocument(content, None, version, self._content_type)

    @cached_property
    def _template(self) -> bytes:
        return self._make().encode()
