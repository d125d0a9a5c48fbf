"""The words in which a route is described, and where a description is kept: at the view itself."""

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
        text: what it is.
        schema: of its body, or several of which one fits; None with the media type of JSON: it has none.
        always: the headers that it has (headers.py).
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
    """What a route takes.

    Args:
        text: what it is.
        schema: what it looks like.
        problems: how it may be refused.
    """

    text: str
    schema: type[Schema]
    required: bool = True
    media_type: str = JSON_TYPE
    problems: tuple[type[ReceiverError], ...] = BODY_PROBLEMS


@dataclass(frozen=True, slots=True)
class Description:
    """All that is said of a route beside its path, methods and docstring."""

    access: Access
    answers: Mapping[int, Answer]
    query: type[Schema] | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[type[ReceiverError], ...] = ()

    @property
    def all_problems(self) -> tuple[type[ReceiverError], ...]:
        """The problems that it may answer with: its own, and those of access and body."""
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
        access: who may use it.
        answers: by status, those that are no problems.
        query: the webargs schema that reads its query arguments.
        parameters: further parameters.
        body: what it takes.
        problems: how it may fail, beside what access and body bring.
    """

    def keep(view: View) -> View:
        setattr(view, _ATTRIBUTE, Description(access, answers, query, parameters, body, problems))
        return view

    return keep


def description_of(view: Callable[..., object]) -> Description | None:
    """Return what is said of a view, if anything is."""
    found: Description | None = getattr(view, _ATTRIBUTE, None)
    return found
