"""Evaluate `If-Match` and `If-None-Match`, in the order of RFC 9110, 13.2.2.

Versions are strong entity tags. `If-Match` is compared strongly, `If-None-Match` weakly (8.8.3.2). Records have
no modification date for HTTP, so conditions on dates are ignored (13.1.3, 13.1.4).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from flask import Response, request

from receiver.errors import PreconditionFailedError
from receiver.store.record_versions import VersionChangedError
from receiver.web.middleware.request_context import wsgi_environ

_Result = TypeVar("_Result")

_ATTEMPTS: Final = 3
"""Attempts at a conditional write while the version changes between reading and writing."""

_NAMES: Final = frozenset({"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"})
_TAG: Final = re.compile(r'\s*(?:(W/)?"([^"]*)"[\w;-]*|(?:W/)?([^\s,"]+))\s*(?:,|$)|,', re.IGNORECASE)
"""A tag of a list, also without its quotes, which some clients strip: it would never match, and they would repeat."""

_CODING: Final = re.compile(r"(?:--?|;)(?:gzip|br|zstd|deflate)$", re.IGNORECASE)
"""The suffix that a compressing proxy adds to a tag: Apache and Caddy `-gzip`, Jetty `--gzip`, others `;gzip`."""


@dataclass(frozen=True, slots=True)
class _Tags:
    """The entity tags of one header field.

    Args:
        is_star: the header is `*`, which matches any version.
        strong: the tags that are not weak.
        all: every tag, without the prefix of weak ones.
    """

    is_star: bool
    strong: frozenset[str]
    all: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        if text.strip() == "*":
            return cls(is_star=True, strong=frozenset(), all=frozenset())
        tags = list(_read_tags(text))
        return cls(
            is_star=False,
            strong=frozenset(tag for is_weak, tag in tags if not is_weak),
            all=frozenset(tag for _, tag in tags),
        )


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The conditions of a request; false without any."""

    if_match: _Tags | None
    if_none_match: _Tags | None

    @classmethod
    def of_request(cls) -> Self:
        """Read the conditions of the present request."""
        environ = wsgi_environ()
        if_match, if_none_match = environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH")
        return cls(
            None if if_match is None else _Tags.parse(if_match),
            None if if_none_match is None else _Tags.parse(if_none_match),
        )

    def __bool__(self) -> bool:
        return self.if_match is not None or self.if_none_match is not None

    @property
    def names_known_version(self) -> bool:
        """Whether the client names the version that it has, and so asks for any other."""
        return self.if_none_match is not None and bool(self.if_none_match.all)

    def is_known(self, version: str) -> bool:
        """Return whether `If-None-Match` names this version."""
        return self.if_none_match is not None and (
            self.if_none_match.is_star or version in self.if_none_match.all
        )

    def require_match(self, version: str | None, *, covers_all: bool = True) -> None:
        """Reject a request whose `If-Match` does not name the present version.

        Args:
            version: the present one; None without a record.
            covers_all: it is the version of everything that the request would change.

        Raises:
            PreconditionFailedError: it names another version.
        """
        if self.if_match is None or (self.if_match.is_star and version is not None):
            return
        if version not in self.if_match.strong:
            raise PreconditionFailedError(
                "`If-Match` does not name the present version. Get it again, and send the `ETag` of that response."
            )
        if not covers_all:
            raise PreconditionFailedError(
                "`If-Match` names the newest of several operations, and all would be deleted. "
                "To delete them, send `If-Match: *`."
            )

    def require(self, version: str | None, *, covers_all: bool = True) -> None:
        """Reject a request that would change something if one of its conditions fails; arguments as above.

        Raises:
            PreconditionFailedError: a condition fails.
        """
        self.require_match(version, covers_all=covers_all)
        if version is not None and self.is_known(version):
            raise PreconditionFailedError(
                "`If-None-Match` names the present version, or any with `*`. "
                "Leave it out to change the record."
            )


def add_version(response: Response, version: str) -> Response:
    """Add the `ETag` to a response, and answer a conditional GET or HEAD by its conditions: 304 or 412.

    Raises:
        PreconditionFailedError: `If-Match` names another version.
    """
    response.headers["ETag"] = f'"{version}"'
    if request.method in {"GET", "HEAD"} and not _NAMES.isdisjoint(wsgi_environ()):
        conditions = Preconditions.of_request()
        conditions.require_match(version)
        if conditions.is_known(version):
            response.status_code = 304
    return response


def write_if(check: Callable[[Preconditions], str], write: Callable[[str], _Result]) -> _Result:
    """Write if the conditions of the request hold, in the same version that they were checked with.

    Without conditions nothing is read first. With conditions, the store compares the version in the step that writes,
    so that no change can come between; a version that has changed is checked again.

    Args:
        check: reads the records, checks the conditions, and returns the version that it has read (record_versions.py).
        write: writes, if that version is still the present one; any version, where it is empty.

    Raises:
        PreconditionFailedError: a condition fails.
    """
    conditions = Preconditions.of_request()
    if not conditions:
        return write("")
    for _ in range(_ATTEMPTS):
        try:
            return write(check(conditions))
        except VersionChangedError:
            continue
    raise PreconditionFailedError("The version keeps changing, so nothing was changed. Try again soon.")


def _read_tags(text: str) -> Iterator[tuple[bool, str]]:
    """Yield each tag of a list, and whether it is weak; stop at the first element that is not a tag."""
    position = 0
    while position < len(text) and (found := _TAG.match(text, position)):
        position = found.end()
        tag = found[3] if found[2] is None else found[2]
        if tag is not None:
            yield found[1] is not None or found[2] is None, _CODING.sub("", tag)
