"""The static files of the pages, kept in memory, since they are few and small."""

import hashlib
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort

from receiver.errors import PreconditionFailedError
from receiver.web.openapi import Answer, describe
from receiver.web.openapi.authentication_texts import PUBLIC_PAGE
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH
from receiver.web.public_documents import PublicDocument

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
_FIRST_TYPE, *_OTHER_TYPES = _TYPES.values()
_A_YEAR: Final = 365 * 86400


class StaticFileRoutes:
    """The route of the static files, which are read once."""

    def __init__(self) -> None:
        self._files = {
            path.name: PublicDocument.make(path.read_bytes(), _TYPES[path.suffix])
            for path in sorted(_FOLDER.iterdir())
        }
        versions = "".join(file.version for file in self._files.values())
        self._version = hashlib.sha256(versions.encode()).hexdigest()[:12]

    @property
    def path(self) -> str:
        """The path of the files in their present version, which browsers may store for a year."""
        return f"/static/{self._version}"

    def add_routes(self, blueprint: Blueprint) -> None:
        """Add the route to a blueprint."""
        blueprint.get("/static/<given>/<name>")(self.get_static_file)

    @describe(
        PUBLIC_PAGE,
        {
            200: Answer("The file.", always=("ETag",), media_type=_FIRST_TYPE, or_as=tuple(_OTHER_TYPES)),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(PreconditionFailedError,),
    )
    def get_static_file(self, given: str, name: str) -> Response:
        """Get a style sheet, a script or an image of the pages."""
        if name not in self._files:
            abort(404)
        response = self._files[name].answer_with_version()
        if given == self._version:
            response.headers["Cache-Control"] = f"public, max-age={_A_YEAR}, immutable"
        return response
