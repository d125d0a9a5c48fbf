"""One route as an OpenAPI operation. Schemas stand in it as classes, and apispec puts references in their place."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from marshmallow import Schema
from werkzeug.routing import Rule

from receiver.errors import BadRequestError, ReceiverError
from receiver.web.openapi.access import HTML, PROBLEM
from receiver.web.openapi.answers import ProblemSchema
from receiver.web.openapi.describing import JSON_TYPE, Answer, Body, Description, Parameter
from receiver.web.openapi.examples import EXAMPLES
from receiver.web.openapi.headers import HEADERS
from receiver.web.openapi.parameters import PATH
from receiver.web.problems import BLANK, OF_HTTP, address_of, status_of_a_bug

ANY_PROBLEM: Final = "AnyProblem"
"""The name of the answer that any route may give."""

_ARGUMENT: Final = re.compile(r"<(?:[^<>:]+:)?([^<>:]+)>")
_HEADERS_OF: Final[dict[int, tuple[str, ...]]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, its view, and what is said of it."""

    rule: Rule
    method: str
    view: Callable[..., object]
    description: Description

    @property
    def path(self) -> str:
        """The path as OpenAPI has it: `/operations/{clientContext}`."""
        return _ARGUMENT.sub(_placeholder, self.rule.rule)

    @property
    def id(self) -> str:
        """A name of its own: `get_operations_clientContext`."""
        return "_".join([self.method.lower(), *_WORD.findall(self.path)])

    @property
    def tag(self) -> str:
        """The name of its blueprint."""
        endpoint: str = self.rule.endpoint
        return endpoint.partition(".")[0]


def operation(route: Route) -> dict[str, Any]:
    """Make the operation object of a route."""
    said = route.description
    title, _, text = (inspect.getdoc(route.view) or route.id).partition("\n\n")
    made = {
        "tags": [route.tag],
        "operationId": route.id,
        "summary": " ".join(title.split()).removesuffix("."),
        "description": text,
        "parameters": _parameters(route),
        "security": list(said.access.security),
        "responses": _responses(route),
    }
    if said.body:
        made["requestBody"] = _body(said.body)
    return made


def any_problem() -> dict[str, Any]:
    """Make the answer that any route may give: what HTTP itself forbids, and bugs."""
    kinds = [*map(address_of, (*OF_HTTP, ReceiverError)), BLANK]
    content = {PROBLEM: _problem_content(kinds), HTML: {}}
    return {"description": "What may come of any request; a page for a browser.", "content": content}


def _parameters(route: Route) -> list[Parameter]:
    in_path = [
        {"name": _camel(name), "in": "path", "required": True, **PATH[name]}
        for name in _ARGUMENT.findall(route.rule.rule)
    ]
    query = [{"in": "query", "schema": route.description.query}] if route.description.query else []
    return [*in_path, *query, *route.description.parameters]


def _body(body: Body) -> dict[str, Any]:
    return {
        "description": body.text,
        "required": body.required,
        "content": {body.media_type: _content(body.schema)},
    }


def _responses(route: Route) -> dict[str, Any]:
    said = route.description
    responses = {str(status): _answer(answer) for status, answer in said.answers.items()}
    by_status: dict[int, list[type[ReceiverError]]] = {}
    for error in dict.fromkeys(said.all_problems):
        by_status.setdefault(error.status, []).append(error)
    for status, errors in sorted(by_status.items()):
        if status not in said.answers:
            of_any = list(_of_any(route.method, status))
            responses[str(status)] = _problem(status, errors, of_any, said.access.problems_as)
    return {**responses, "default": ANY_PROBLEM}


def _answer(answer: Answer) -> dict[str, Any]:
    made = {"description": answer.text, "headers": _headers(answer.always, answer.sometimes)}
    if answer.schema or answer.media_type != JSON_TYPE:
        made["content"] = {answer.media_type: _content(answer.schema)}
    return made


def _problem(
    status: int, errors: list[type[ReceiverError]], of_any: list[type[ReceiverError]], media_type: str
) -> dict[str, Any]:
    """Make the answer of problems that share a status.

    Args:
        status: theirs.
        errors: the route's own, told in its media type.
        of_any: what may come of any request, which is always told as a problem document.
        media_type: in which the route tells its own.
    """
    of_document = [*errors, *of_any] if media_type == PROBLEM else of_any
    content = {} if media_type == PROBLEM else {media_type: _content(None)}
    if of_document:
        content[PROBLEM] = _problem_content(map(address_of, of_document))
    return {
        "description": HTTPStatus(status).phrase,
        "headers": _headers(_HEADERS_OF.get(status, ())),
        "content": content,
        "x-problems": sorted({address_of(error) for error in (*errors, *of_document)}),
    }


def _problem_content(kinds: Iterable[str]) -> dict[str, Any]:
    return {"schema": {"allOf": [ProblemSchema, {"properties": {"type": {"enum": sorted(set(kinds))}}}]}}


def _content(schema: type[Schema] | tuple[type[Schema], ...] | None) -> dict[str, Any]:
    if schema is None:
        return {}
    if isinstance(schema, tuple):
        return {"schema": {"anyOf": list(schema)}}
    return {"schema": schema, **({"example": EXAMPLES[schema]} if schema in EXAMPLES else {})}


def _headers(always: Iterable[str], sometimes: Iterable[str] = ()) -> dict[str, Any]:
    return {name: {**HEADERS[name], "required": True} for name in always} | {
        name: HEADERS[name] for name in sometimes
    }


def _of_any(method: str, status: int) -> Iterator[type[ReceiverError]]:
    """Yield what may come of any request to a route that is there, as far as it has this status."""
    if status == BadRequestError.status:
        yield BadRequestError
    if status == status_of_a_bug(method):
        yield ReceiverError


def _placeholder(argument: re.Match[str]) -> str:
    return f"{{{_camel(argument[1])}}}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return "".join([first, *(word.title() for word in others)])
