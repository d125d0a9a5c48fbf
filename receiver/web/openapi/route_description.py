"""How a route is described: the description is an attribute of its view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from marshmallow import Schema

from receiver.errors import (
    InvalidJSONError,
    PayloadTooLargeError,
    ReceiverError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from receiver.web.openapi.authentication_texts import Access

View = TypeVar("View", bound=Callable[..., object])
Parameter: TypeAlias = dict[str, Any]
"""An OpenAPI parameter."""

JSON_TYPE: Final = "application/json"
BODY_PROBLEMS: Final = (
    InvalidJSONError,
    PayloadTooLargeError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)

_ATTRIBUTE: Final = "openapi_description"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a route.

    Args:
        text: its description.
        schema: of its body, or several of which one fits; None with the media type of JSON where it has no body.
        always: the headers that it has (header_descriptions.py).
        sometimes: those that it may have.
        media_type: of its body.
        or_as: further media types that it may have.
        events: of a stream, the schema of the data of each type of event.
    """

    text: str
    schema: type[Schema] | tuple[type[Schema], ...] | None = None
    always: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    media_type: str = JSON_TYPE
    or_as: tuple[str, ...] = ()
    events: Mapping[str, type[Schema]] | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request.

    Args:
        text: its description.
        schema: its schema.
        required: whether a request must have one.
        media_type: its media type.
        problems: the problems of a wrong body.
    """

    text: str
    schema: type[Schema]
    required: bool = True
    media_type: str = JSON_TYPE
    problems: tuple[type[ReceiverError], ...] = BODY_PROBLEMS


@dataclass(frozen=True, slots=True)
class Description:
    """The description of a route, beside its path, methods and docstring."""

    access: Access
    answers: Mapping[int, Answer]
    query: type[Schema] | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[type[ReceiverError], ...] = ()

    @property
    def all_problems(self) -> tuple[type[ReceiverError], ...]:
        """The problems that it may answer with: its own, and those of authentication and body."""
        of_body = self.body.problems if self.body else ()
        return (*self.access.problems, *of_body, *self.problems)


def describe(
    access: Access,
    answers: Mapping[int, Answer],
    *,
    query: type[Schema] | None = None,
    parameters: tuple[Parameter, ...] = (),
    body: Body | None = None,
    problems: tuple[type[ReceiverError], ...] = (),
) -> Callable[[View], View]:
    """Describe a view, which stays as it is; its docstring gives title and text.

    Args:
        access: the authentication that it takes.
        answers: the answers that are not problems, by status.
        query: the webargs schema that reads its query arguments.
        parameters: further parameters.
        body: the body that it takes.
        problems: its own problems, beside those of authentication and body.
    """

    def attach(view: View) -> View:
        setattr(view, _ATTRIBUTE, Description(access, answers, query, parameters, body, problems))
        return view

    return attach


def description_of(view: Callable[..., object]) -> Description | None:
    """Return the description of a view; None where it has none."""
    found: Description | None = getattr(view, _ATTRIBUTE, None)
    return found
