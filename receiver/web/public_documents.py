"""Public documents, the same for every client: rendered once, compressed once, and sent as they are.

Rendering the page of documentation takes 20 ms: an unauthenticated client must not cost that for each request.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from flask import Response, request

from receiver.web.preconditions import add_version

_CACHED_TEXTS: Final = 8
"""Variants of a document that are cached; further ones are made for each request, uncompressed."""

_GZIP_LEVEL: Final = 9


@dataclass(frozen=True, slots=True)
class PublicDocument:
    """A document with its compressed form.

    Args:
        content: its bytes.
        compressed: the same by gzip; None if it was not compressed.
        version: a hash of the content.
        content_type: the value of the header.
    """

    content: bytes
    compressed: bytes | None
    version: str
    content_type: str

    @classmethod
    def make(cls, content: bytes, content_type: str) -> Self:
        """Compress a document."""
        compressed = gzip.compress(content, _GZIP_LEVEL, mtime=0)
        return cls(content, compressed, hashlib.sha256(content).hexdigest()[:16], content_type)

    def answer(self, status: int = 200) -> Response:
        """Return a response with the document, compressed if the client accepts that."""
        is_compressed = self.compressed is not None and request.accept_encodings["gzip"] > 0
        response = Response(
            self.compressed if is_compressed else self.content, status, content_type=self.content_type
        )
        response.headers["Vary"] = "Accept-Encoding"
        if is_compressed:
            response.headers["Content-Encoding"] = "gzip"
        return response

    def answer_with_version(self) -> Response:
        """Return the same with its `ETag`, or the response to the request's conditions: 304 or 412.

        Raises:
            PreconditionFailedError: `If-Match` names another version.
        """
        response = self.answer()
        response.headers["Cache-Control"] = "no-cache"
        add_version(response, self.version)
        if "Content-Encoding" in response.headers:
            response.headers["ETag"] = (
                f'"{self.version}-gzip"'  # other bytes, so another tag (RFC 9110, 8.8.3)
            )
        return response


class VariedDocument:
    """A document in which one text differs between requests.

    The documents for the first few texts are cached. A client can invent any number of others, and those are not
    compressed.

    Args:
        make: renders it, with a placeholder in place of the text.
        placeholder: is replaced by the text.
        content_type: the value of the header.
    """

    def __init__(self, make: Callable[[], str], placeholder: str, content_type: str) -> None:
        self._make = make
        self._placeholder = placeholder.encode()
        self._content_type = content_type
        self._cache: dict[str, PublicDocument] = {}

    def at(self, text: str) -> PublicDocument:
        """Return the document with a text, which the caller has escaped."""
        if (known := self._cache.get(text)) is not None:
            return known
        content = self._template.replace(self._placeholder, text.encode())
        if len(self._cache) < _CACHED_TEXTS:
            self._cache[text] = PublicDocument.make(content, self._content_type)
            return self._cache[text]
        version = f"{zlib.crc32(self._template):08x}{zlib.crc32(text.encode()):08x}"
        return PublicDocument(content, None, version, self._content_type)

    @cached_property
    def _template(self) -> bytes:
        return self._make().encode()
