"""The OpenAPI document, and holding answers to it: whatever a test gets from a running receiver must be described."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema_rs
import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from receiver.app import create_app
from receiver.components import make_components
from receiver.settings.configuration import read_settings
from receiver.web.openapi.authentication_texts import PROBLEM
from receiver.web.openapi.openapi_document import Document, routes

HELP = "receiver/web/openapi/__init__.py says how to describe it"


@cache
def app() -> Flask:
    """The app, with the address of a store that is never asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", "unix:///nonexistent")
        return create_app(make_components(read_settings()))


@cache
def document() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(Document(app()).text)
    return parsed


def hold_to_document(method: str, url: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Fail where an answer is not as the document has it: status, media type, body, headers."""
    if method == "OPTIONS":
        return
    where = f"{method} {urlsplit(url).path} → {status}"
    described, problems = _described(method, url, status)
    assert described, f"{where} is not described; {HELP}"
    _hold_headers(where, described.get("headers", {}), headers)
    content = described.get("content")
    if method == "HEAD" or not content:
        assert not body, f"{where} has a body that is not described; {HELP}"
        return
    given = headers.get("Content-Type", "")
    fitting = {given, given.partition(";")[0]}
    media_type = next((known for known in content if known in fitting), None)
    assert media_type, f"{where} comes as {given!r}, and is described as {list(content)}; {HELP}"
    if media_type.endswith("json"):
        wrong = wrong_with(content[media_type], json.loads(body))
        assert not wrong, f"{where} is not as described: {'; '.join(wrong)}; {HELP}"
    if media_type == PROBLEM:
        kind = json.loads(body)["type"]
        assert kind in problems, f"{where} is the problem {kind}, described are {problems}; {HELP}"


def _described(method: str, url: str, status: int) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the description of an answer, and the types of problem that it may be."""
    shared = document()["components"]["responses"]
    any_problem = shared["AnyProblem"], shared["AnyProblem"]["x-problems"]
    described_as = "GET" if method == "HEAD" else method
    try:
        rule, _ = app().url_map.bind("x").match(unquote(urlsplit(url).path), described_as, return_rule=True)
    except HTTPException:
        return any_problem
    path = _paths().get((rule.rule, described_as))
    if path is None:
        return None, []
    operation = document()["paths"][path][described_as.lower()]
    response = operation["responses"].get(str(status))
    if response is None:
        return any_problem if status >= 400 else (None, [])
    problems = operation["x-problems"].get(str(status), [])
    return shared.get(response.get("$ref", "").rpartition("/")[2], response), problems


@cache
def _paths() -> dict[tuple[str, str], str]:
    return {(route.rule.rule, route.method): route.path for route in routes(app())}


def _hold_headers(where: str, described: dict[str, Any], headers: Mapping[str, str]) -> None:
    for name, header in described.items():
        value = headers.get(name)
        assert value is not None or not header.get("required"), f"{where} has no {name}; {HELP}"
        if value is not None:
            assert jsonschema_rs.is_valid(header["schema"], value), f"{where} has {name}: {value!r}; {HELP}"


def wrong_with(content: dict[str, Any], value: object) -> list[str]:
    """Say where a value does not fit the schema of a media type, and why."""
    errors = _validator(json.dumps(content["schema"])).iter_errors(value)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors]


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    whole = {**json.loads(schema), "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
