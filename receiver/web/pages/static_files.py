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


def register_static_files(blueprint: Blueprint) -> str:
    """Add the route of the static files; return the path under which they may be kept for ever."""
    files = {
        path.name: PublicDocument.make(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(_FOLDER.iterdir())
    }
    version = hashlib.sha256("".join(file.version for file in files.values()).encode()).hexdigest()[:12]

    @blueprint.get("/static/<given>/<name>")
    @describe(
        PUBLIC_PAGE,
        {
            200: Answer("The file.", always=("ETag",), media_type=_FIRST_TYPE, or_as=tuple(_OTHER_TYPES)),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(PreconditionFailedError,),
    )
    def static(given: str, name: str) -> Response:
        """Get a style sheet, a script or an image of the pages."""
        if name not in files:
            abort(404)
        response = files[name].answer_with_version()
        if given == version:
            response.headers["Cache-Control"] = f"public, max-age={_A_YEAR}, immutable"
        return response

    return f"/static/{version}"
