"""The texts of this project: what leaves the process, and what stands in the source."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import yaml

from receiver.cli.main import main
from receiver.errors import ReceiverError
from receiver.web.openapi.problem_advice import ADVICE
from tests.support.api_document import document
from tests.support.paths import ROOT
from tests.words.banned_words import words_of

PAGES: Final = ROOT / "receiver/web/pages"

_TEMPLATE_CODE: Final = re.compile(r"{#.*?#}|{%.*?%}", re.DOTALL)
_SHOWN_ATTRIBUTE: Final = re.compile(
    r'\b(?:title|alt|placeholder|aria-label|data-(?:done|question))="([^"]*)"'
)
_TAG: Final = re.compile(r"<[^>]*>")
_JS_STRING: Final = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'|`([^`]*)`")
_COMMENT: Final = {
    ".lua": re.compile(r"--.*"),
    ".js": re.compile(r"/\*.*?\*/|//.*", re.DOTALL | re.MULTILINE),
    ".css": re.compile(r"/\*.*?\*/", re.DOTALL),
    ".html": re.compile(r"{#.*?#}|<!--.*?-->", re.DOTALL),
}


class Text(NamedTuple):
    """A text, and the file or the thing that it stands in."""

    where: str
    text: str


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def strings(path: Path) -> Iterator[Text]:
    """Yield the strings of a Python file without its docstrings: log events, errors, HELP, command output."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield Text(f"{name_of(path)}:{node.lineno}", node.value)


def openapi_texts() -> Iterator[Text]:
    """Yield every title and description of the OpenAPI document."""
    yield from _texts_of(document(), "openapi")


def _texts_of(value: Any, where: str) -> Iterator[Text]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name in {"title", "summary", "description"} and isinstance(member, str):
                yield Text(f"{where}.{name}", member)
            else:
                yield from _texts_of(member, f"{where}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts_of(item, f"{where}[{number}]")


def problem_texts(error: type[ReceiverError] = ReceiverError) -> Iterator[Text]:
    """Yield the title and the advice of every problem."""
    yield Text(f"title of {error.__name__}", error.title)
    yield from (Text(f"advice of {kind.__name__}", text) for kind, text in ADVICE.items() if kind is error)
    for kind in error.__subclasses__():
        yield from problem_texts(kind)


def help_texts(command: click.Command = main, name: str = "receiver") -> Iterator[Text]:
    """Yield `--help` of every command."""
    yield Text(f"{name} --help", command.get_help(click.Context(command, info_name=name)))
    if isinstance(command, click.Group):
        for below, inner in command.commands.items():
            yield from help_texts(inner, f"{name} {below}")


def alert_texts() -> Iterator[Text]:
    """Yield names and annotations of every alert."""
    rules = yaml.safe_load((ROOT / "deploy/observability/alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield Text("alerts.yaml", words_of(rule["alert"]))
            yield from (Text(f"alerts.yaml, {rule['alert']}", text) for text in rule["annotations"].values())


def page_texts() -> Iterator[Text]:
    """Yield what the page shows: text and shown attributes of the templates, strings of the scripts."""
    for path in sorted(PAGES.rglob("*.html")):
        html = _TEMPLATE_CODE.sub(" ", path.read_text())
        yield from (Text(name_of(path), text) for text in _SHOWN_ATTRIBUTE.findall(html))
        yield from (
            Text(name_of(path), line.strip()) for line in _TAG.sub("\n", html).splitlines() if line.strip()
        )
    for path in sorted(PAGES.rglob("*.js")):
        code = _COMMENT[".js"].sub("", path.read_text())
        yield from (Text(name_of(path), "".join(found)) for found in _JS_STRING.findall(code))


def documents() -> Iterator[Text]:
    """Yield the lines of the README and of the guides."""
    for path in [ROOT / "README.md", *sorted(PAGES.rglob("*.md"))]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield Text(f"{name_of(path)}:{number}", line)


def source_texts(path: Path) -> Iterator[Text]:
    """Yield comments, docstrings and identifiers of a file; of other languages than Python its comments."""
    if path.suffix != ".py":
        yield from (
            Text(name_of(path), comment) for comment in _COMMENT[path.suffix].findall(path.read_text())
        )
        return
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        where = f"{name_of(path)}:{token.start[0]}"
        if token.type == tokenize.NAME:
            yield Text(where, words_of(token.string))
        elif token.type in {tokenize.COMMENT, tokenize.STRING}:
            yield Text(where, token.string)


def source_files(folder: str) -> list[Path]:
    """Return the files of a folder, without those here, which have the banned words."""
    return [
        path
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", *_COMMENT} and not {"node_modules", "words"} & {*path.parts}
    ]


def names_of_tests(path: Path) -> Iterator[Text]:
    """Yield the names of a file's tests."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield Text(f"{name_of(path)}:{node.lineno}", node.name)
