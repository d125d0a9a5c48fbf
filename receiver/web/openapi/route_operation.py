"""One route as an OpenAPI operation. Schemas are classes, which apispec replaces with references."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import Schema
from werkzeug.routing import Rule

from receiver.errors import BadRequestError, ReceiverError
from receiver.web.openapi.body_examples import EXAMPLES
from receiver.web.openapi.header_descriptions import described_headers
from receiver.web.openapi.operation_ids import OPERATION_IDS
from receiver.web.openapi.problem_responses import ANY_PROBLEM, addresses, response_name
from receiver.web.openapi.route_description import JSON_TYPE, Answer, Body, Description, Parameter
from receiver.web.openapi.route_parameters import PATH
from receiver.web.problems import unexpected_error_status

_ARGUMENT: Final = re.compile(r"<(?:[^<>:]+:)?([^<>:]+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, with its view and description."""

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
        """Its name in generated clients."""
        return OPERATION_IDS[f"{self.method} {self.path}"]

    @property
    def tag(self) -> str:
        """The name of its blueprint."""
        endpoint: str = self.rule.endpoint
        return endpoint.partition(".")[0]

    @property
    def problems_by_status(self) -> dict[int, list[type[ReceiverError]]]:
        """The types of problem that it may answer with, by status, in the order of these."""
        by_status: dict[int, list[type[ReceiverError]]] = {}
        for error in dict.fromkeys(self.description.all_problems):
            if error.status not in self.description.answers:
                by_status.setdefault(error.status, []).append(error)
        return {
            status: [*errors, *_problems_of_any_route(self.method, status)]
            for status, errors in sorted(by_status.items())
        }


def operation(route: Route) -> dict[str, Any]:
    """Make the operation object of a route."""
    description = route.description
    title, _, text = (inspect.getdoc(route.view) or route.id).partition("\n\n")
    made = {
        "tags": [route.tag],
        "operationId": route.id,
        "summary": " ".join(title.split()).removesuffix("."),
        "description": text,
        "parameters": _parameters(route),
        "security": list(description.access.security),
        "responses": _responses(route),
        "x-problems": {str(status): addresses(errors) for status, errors in route.problems_by_status.items()},
    }
    if description.body:
        made["requestBody"] = _body(description.body)
    return made


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
    description = route.description
    answers = {str(status): _answer(answer) for status, answer in description.answers.items()}
    problems = {
        str(status): response_name(status, description.access.problems_as)
        for status in route.problems_by_status
    }
    return {**answers, **problems, "default": ANY_PROBLEM}


def _answer(answer: Answer) -> dict[str, Any]:
    made = {"description": answer.text, "headers": described_headers(answer.always, answer.sometimes)}
    if answer.events:
        made["content"] = {answer.media_type: _events(answer.events)}
    elif answer.schema or answer.media_type != JSON_TYPE:
        made["content"] = {one: _content(answer.schema) for one in (answer.media_type, *answer.or_as)}
    return made


def _events(events: Mapping[str, type[Schema]]) -> dict[str, Any]:
    """Describe a stream: its schema is that of the `data` of an event; `x-events` has one for each type of event.

    OpenAPI 3.1 cannot describe a stream; generators that support `text/event-stream` read the schema like this.
    """
    by_type = {name: {"$ref": f"#/components/schemas/{component(schema)}"} for name, schema in events.items()}
    return {"schema": {"anyOf": list(events.values())}, "x-events": by_type}


def component(schema: type[Schema]) -> str:
    """Return the name of a schema among the components."""
    return schema.__name__.removesuffix("Schema")


def _content(schema: type[Schema] | tuple[type[Schema], ...] | None) -> dict[str, Any]:
    if schema is None:
        return {}
    if isinstance(schema, tuple):
        return {"schema": {"anyOf": list(schema)}}
    return {"schema": schema, **({"example": EXAMPLES[schema]} if schema in EXAMPLES else {})}


def _problems_of_any_route(method: str, status: int) -> Iterator[type[ReceiverError]]:
    """Yield the problems of this status that a request to any route may get."""
    if status == BadRequestError.status:
        yield BadRequestError
    if status == unexpected_error_status(method):
        yield ReceiverError


def _placeholder(argument: re.Match[str]) -> str:
    return f"{{{_camel(argument[1])}}}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return "".join([first, *(word.title() for word in others)])
