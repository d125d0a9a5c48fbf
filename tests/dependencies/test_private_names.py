"""No private name of another package is used in `receiver/`: none is imported, read, set or overridden.

`internals.py` lists the undocumented public names that are used.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.support.paths import ROOT

FILES: Final = sorted((ROOT / "receiver").rglob("*.py"))
OWN: Final = "receiver"

DOCUMENTED: Final = {
    "_replace": "of named tuples: https://docs.python.org/3/library/collections.html#collections.namedtuple",
    "_exit": "of os: https://docs.python.org/3/library/os.html#os._exit",
    "_deserialize": "of fields: https://marshmallow.readthedocs.io/en/stable/custom_fields.html",
    "_typeshed": "for type checkers only: https://github.com/python/typeshed/tree/main/stdlib/_typeshed",
}
"""Names that begin with an underscore and are documented to be used."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in DOCUMENTED


def private_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if any(map(is_private, name.split("."))))


def defined_names(tree: ast.AST) -> set[str]:
    """Return the names that a module defines: functions, classes, and attributes that it sets on `self` or `cls`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and of_self(node):
            names.add(node.attr)
    return names


def of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def private_attributes(tree: ast.AST) -> Iterator[str]:
    """Yield each private attribute of another object, unless the module itself defines that name."""
    own = defined_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not of_self(node):
            if node.attr not in own:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "setattr", "hasattr"}:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and is_private(text))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def names_shared_with_bases(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """Yield private names in classes of a module that their bases from other packages also use."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [base for base in getattr(module, node.name).__mro__[1:] if is_foreign(base)]
        theirs = set[str]().union(*map(names_in, bases))
        yield from (f"{node.name}.{name}" for name in sorted(private_names(node) & theirs))


def is_foreign(base: type) -> bool:
    package = base.__module__.partition(".")[0]
    return package != OWN and package not in sys.stdlib_module_names


def names_in(base: type) -> set[str]:
    try:
        source = inspect.getsource(base)
    except (OSError, TypeError):  # written in C
        source = ""
    return {*vars(base), *re.findall(r"\bself\.(_\w+)", source)}


def private_names(node: ast.ClassDef) -> set[str]:
    defined = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
    used = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute) and of_self(one)}
    return set(filter(is_private, defined | used))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_module_uses_no_private_name_of_another_package(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert [*private_imports(tree), *private_attributes(tree)] == []
    if any(isinstance(node, ast.ClassDef) for node in tree.body):
        assert list(names_shared_with_bases(importlib.import_module(module_name(path)), tree)) == []


@pytest.mark.parametrize(
    "code",
    [
        "from flask._internal import x",
        "import flask._internal",
        "from flask import _private",
        "import flask\nflask.request._cached",
        "def read(schema):\n    return schema._hooks",
        "getattr(object(), '_hooks')",
        "setattr(object(), '_hooks', 1)",
    ],
)
def test_a_private_name_is_found(code: str) -> None:
    tree = ast.parse(code)
    assert [*private_imports(tree), *private_attributes(tree)]


@pytest.mark.parametrize("name", ["_got_first_request", "_check_setup_finished"])
def test_a_private_name_of_a_base_class_is_found(name: str) -> None:
    tree = ast.parse(f"class App(Flask):\n    def run(self):\n        self.{name}")
    module = ModuleType("app")
    exec("from flask import Flask\nclass App(Flask): pass", vars(module))
    assert list(names_shared_with_bases(module, tree)) == [f"App.{name}"]
