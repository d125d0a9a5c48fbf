"""`/openapi.json`: the OpenAPI document; `/docs` shows it as a page."""

from functools import cache

from flask import Blueprint, Response

from receiver.errors import PreconditionFailedError
from receiver.web.openapi.authentication_texts import PUBLIC
from receiver.web.openapi.openapi_document import Document
from receiver.web.openapi.response_schemas import DocumentSchema
from receiver.web.openapi.route_description import Answer, describe
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH
from receiver.web.public_documents import PublicDocument


def make_openapi(document: Document) -> Blueprint:
    """Make the route of the OpenAPI document."""
    blueprint = Blueprint("openapi", __name__)
    compressed = cache(lambda: PublicDocument.make(document.text, "application/json"))

    @blueprint.get("/openapi.json")
    @describe(
        PUBLIC,
        {
            200: Answer("The document.", DocumentSchema, ("ETag",)),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(PreconditionFailedError,),
    )
    def show() -> Response:
        """Describe every route, as an OpenAPI document."""
        return compressed().answer_with_version()

    return blueprint
