"""The OpenAPI document as `/docs` shows it. Pure: it knows only the document."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

_CREDENTIALS: Final = {
    "apiKey": "an API key",
    "session": "a session",
    "graphToken": "a token of Graph's",
}
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_PAGES: Final = "page"


@dataclass(frozen=True, slots=True)
class Group:
    """The routes of one tag."""

    name: str
    title: str
    text: str
    routes: tuple["RouteView", ...]


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route, as the document has it."""

    method: str
    path: str
    description: dict[str, Any]
    shared: dict[str, dict[str, Any]]
    """The answers that routes share, by the references to them."""

    @property
    def id(self) -> str:
        """Its operation id, also its id within the page."""
        return str(self.description["operationId"])

    @property
    def authentication(self) -> str:
        """The authentication that it needs, as a sentence."""
        ways = {name: scopes for way in self.description["security"] for name, scopes in way.items()}
        if {} in self.description["security"] or not ways:
            return "Public: needs no authentication."
        names = " or ".join(_CREDENTIALS[name] for name in ways)
        scopes = sorted({f"`{scope}`" for scopes in ways.values() for scope in scopes})
        return f"Needs {names}, with the scope {', '.join(scopes)}." if scopes else f"Needs {names}."

    @property
    def body(self) -> dict[str, Any] | None:
        """Its body: media type, text, schema, perhaps an example."""
        description = self.description.get("requestBody")
        if description is None:
            return None
        [(media_type, content)] = description["content"].items()
        return {
            "text": description["description"],
            "required": description["required"],
            "media_type": media_type,
            **content,
        }

    @property
    def answers(self) -> tuple["AnswerView", ...]:
        """Its answers, without those that any request may get."""
        problems = self.description["x-problems"]
        return tuple(
            AnswerView(
                status,
                self.shared.get(description.get("$ref", ""), description),
                tuple(problems.get(status, ())),
            )
            for status, description in sorted(self.description["responses"].items())
            if status != "default"
        )

    def curl(self, address: str) -> str:
        """Return a curl command that uses it; empty for a route of Graph or of browsers."""
        schemes = {name for way in self.description["security"] for name in way}
        if "graphToken" in schemes or _PAGES in self.description["tags"]:
            return ""
        parts = ["curl"]
        if any(_EVENTS in answer.media_type for answer in self.answers):
            parts.append("-N")
        if self.method != "GET":
            parts.append(f"-X {self.method}")
        if "apiKey" in schemes:
            parts.append('-H "Authorization: Bearer $KEY"')
        if self.body and "example" in self.body:
            example = json.dumps(self.body["example"], ensure_ascii=False)
            parts += [f"-H 'Content-Type: {_JSON}'", f"-d {shlex.quote(example)}"]
        return " ".join([*parts, shlex.quote(address + self._example())])

    def _example(self) -> str:
        path, query = self.path, []
        for parameter in self.description["parameters"]:
            example = quote(str(parameter.get("example", parameter["name"])), safe="")
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", example)
            elif parameter["in"] == "query" and "example" in parameter:
                query.append(f"{parameter['name']}={example}")
        return path + ("?" if query else "") + "&".join(query)


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One answer of a route; `problems` are the types of problem that it may be."""

    status: str
    description: dict[str, Any]
    problems: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether it is a success."""
        return self.status < "3"

    @property
    def media_type(self) -> str:
        """That of its body; empty if it has none."""
        return next(iter(self.description.get("content", {})), "")

    @property
    def content(self) -> dict[str, Any]:
        """Schema, and perhaps an example, of its body."""
        return next(iter(self.description.get("content", {}).values()), {})

    @property
    def events(self) -> dict[str, Any]:
        """Of a stream, the schema of the data of each type of event."""
        found: dict[str, Any] = self.content.get("x-events", {})
        return found


def groups(document: dict[str, Any]) -> tuple[Group, ...]:
    """Return the routes of a document, grouped by their tags."""
    return tuple(
        Group(tag["name"], tag["x-displayName"], tag["description"], tuple(_routes(document, tag["name"])))
        for tag in document["tags"]
    )


def answering_with(document: dict[str, Any], kind: str) -> tuple[RouteView, ...]:
    """Return the routes that may answer with a problem of a type."""
    return tuple(
        route
        for group in groups(document)
        for route in group.routes
        if any(kind in answer.problems for answer in route.answers)
    )


def _routes(document: dict[str, Any], tag: str) -> Iterator[RouteView]:
    responses = document["components"]["responses"]
    shared = {f"#/components/responses/{name}": response for name, response in responses.items()}
    for path, methods in document["paths"].items():
        for method, description in methods.items():
            if tag in description["tags"]:
                yield RouteView(method.upper(), path, description, shared)
