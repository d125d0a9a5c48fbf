"""`/openapi.json`: the OpenAPI document; `/docs` shows it as a page."""

from functools import cached_property

from flask import Blueprint, Response

from receiver.errors import PreconditionFailedError
from receiver.web.openapi.authentication_texts import PUBLIC
from receiver.web.openapi.openapi_document import Document
from receiver.web.openapi.response_schemas import DocumentSchema
from receiver.web.openapi.route_description import Answer, describe
from receiver.web.openapi.route_parameters import IF_MATCH, IF_NONE_MATCH
from receiver.web.public_documents import PublicDocument


class OpenAPIRoutes:
    """The route of the OpenAPI document.

    Args:
        document: is written when it is asked for, since it describes every route.
    """

    def __init__(self, document: Document) -> None:
        self._document = document

    def blueprint(self) -> Blueprint:
        """Return the blueprint with this route."""
        blueprint = Blueprint("openapi", __name__)
        blueprint.get("/openapi.json")(self.get)
        return blueprint

    @cached_property
    def _public_document(self) -> PublicDocument:
        return PublicDocument.make(self._document.text, "application/json")

    @describe(
        PUBLIC,
        {
            200: Answer("The document.", DocumentSchema, ("ETag",)),
            304: Answer("It is still the version that `If-None-Match` names.", always=("ETag",)),
        },
        parameters=(IF_MATCH, IF_NONE_MATCH),
        problems=(PreconditionFailedError,),
    )
    def get(self) -> Response:
        """Describe every route, as an OpenAPI document."""
        return self._public_document.answer_with_version()
