"""The structure of the package: allowed imports between rooms, and the length of files.

The source is parsed, so that imports within functions count too.
"""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import receiver

ROOT = Path(receiver.__file__).parent
FILES = {
    ".".join(("receiver", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}
TREES = {module: ast.parse(path.read_text(), str(path)) for module, path in FILES.items()}

MAY_IMPORT: dict[str, set[str]] = {
    "receiver.errors": set(),
    "receiver.logs": set(),
    "receiver.log_grouping": set(),
    "receiver.supervision": set(),
    "receiver.tracing": set(),
    "receiver.graph": {"receiver.errors"},
    "receiver.trust": {"receiver.errors", "receiver.supervision"},
    "receiver.store": {"receiver.errors", "receiver.graph", "receiver.supervision"},
    "receiver.metrics": {
        "receiver",
        "receiver.errors",
        "receiver.graph",
        "receiver.store",
        "receiver.supervision",
        "receiver.trust",
    },
    "receiver.spool": {"receiver.errors", "receiver.graph", "receiver.store", "receiver.supervision"},
    "receiver.background": {"receiver.errors", "receiver.store", "receiver.supervision"},
    "receiver.web": {
        "receiver",
        "receiver.errors",
        "receiver.graph",
        "receiver.log_grouping",
        "receiver.logs",
        "receiver.metrics",
        "receiver.server.environ_names",
        "receiver.server.raw_responses",
        "receiver.server.security_headers",
        "receiver.spool",
        "receiver.store",
        "receiver.supervision",
        "receiver.tracing",
        "receiver.trust",
    },
    "receiver.settings": {"receiver", "receiver.store.transport.store_address", "receiver.trust"},
    "receiver.server": {
        "receiver.errors",
        "receiver.log_grouping",
        "receiver.metrics",
        "receiver.settings",
        "receiver.store.embedded",
    },
    "receiver.components": {
        "receiver.background",
        "receiver.component_gauges",
        "receiver.metrics",
        "receiver.settings",
        "receiver.spool",
        "receiver.store",
        "receiver.supervision",
        "receiver.tracing",
        "receiver.trust",
        "receiver.web",
    },
    "receiver.component_gauges": {
        "receiver.background",
        "receiver.metrics",
        "receiver.spool",
        "receiver.store",
        "receiver.trust",
        "receiver.web",
    },
    "receiver.app": {
        "receiver.components",
        "receiver.server.environ_names",
        "receiver.store",
        "receiver.web",
    },
    "receiver.client": {"receiver"},
    "receiver.simulator": {"receiver"},
    "receiver.examples": {"receiver.client"},
}
"""The imports allowed to each room besides itself; `cli`, which starts everything, may import anything."""

ASSEMBLERS = {
    "receiver.app",
    "receiver.components",
    "receiver.component_gauges",
    "receiver.cli",
    "receiver.server",
}
"""The rooms that may import `receiver.web` and `receiver.settings`, since they create the components."""

PURE = {
    "flask",
    "werkzeug",
    "gunicorn",
    "gevent",
    "redis",
    "urllib3",
    "socket",
    "time",
    "datetime",
    "random",
    "threading",
    "os",
}
"""Modules that a pure room must not import."""

MAX_LINES = 300


def imports(module: str) -> Iterator[str]:
    """Yield the full names that a module imports, also within functions.

    `from receiver import x` gives `receiver.x` where that is a module, else `receiver`.
    """
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            assert node.module
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in FILES else node.module


def imports_of_ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.split(".")[0] == "receiver"}


def is_within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def modules_of(room: str) -> list[str]:
    return sorted(module for module in FILES if is_within(module, room))


def test_all_rooms_are_found() -> None:
    for room in MAY_IMPORT:
        assert modules_of(room), room
    started_by = {"receiver", "receiver.__main__", *modules_of("receiver.cli")}
    assert {
        module for module in FILES if not any(is_within(module, room) for room in MAY_IMPORT)
    } == started_by
    assert imports_of_ours("receiver.graph.call_notifications") >= {
        "receiver.errors",
        "receiver.graph.json_codec",
    }


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_allowed_rooms_only(room: str) -> None:
    for module in modules_of(room):
        for name in imports_of_ours(module):
            # `receiver` itself has the version only, so importing it allows no room.
            allowed = name in MAY_IMPORT[room] or any(
                is_within(name, other) for other in {room, *MAY_IMPORT[room]} - {"receiver"}
            )
            assert allowed, f"{module} imports {name}"


@pytest.mark.parametrize("room", ["receiver.web", "receiver.settings"])
def test_only_assemblers_import_web_and_settings(room: str) -> None:
    for module in FILES:
        if not any(is_within(module, name) for name in {room, *ASSEMBLERS}):
            assert not [name for name in imports_of_ours(module) if is_within(name, room)], module


def test_graph_is_pure() -> None:
    for module in modules_of("receiver.graph"):
        assert not {name.split(".")[0] for name in imports(module)} & PURE, module


def test_imports_have_no_cycle() -> None:
    order = TopologicalSorter({module: imports_of_ours(module) - {module} for module in FILES})
    order.prepare()  # raises CycleError, with the cycle


@pytest.mark.parametrize("module", sorted(FILES))
def test_file_is_short(module: str) -> None:
    assert len(FILES[module].read_text().splitlines()) <= MAX_LINES


def test_only_the_settings_read_the_environment() -> None:
    assert [module for module in sorted(FILES) if reads_environment(module)] == [
        "receiver.settings.configuration"
    ]


def reads_environment(module: str) -> bool:
    names = {"environ", "environb", "getenv", "getenvb", "environs", "dotenv"}
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            if imported & names:
                return True
        # `request.environ` is WSGI's, not the process's
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os":
            return True
    return False


def test_every_module_has_a_docstring() -> None:
    for module, tree in TREES.items():
        assert ast.get_docstring(tree) or not tree.body, module


CHARACTER_CLASS = re.compile(r"\[(?:[^\]\\]|\\.)*\]", re.DOTALL)
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+(?!\))")


@pytest.mark.parametrize("module", sorted(FILES))
def test_no_pattern_repeats_a_group_possessively(module: str) -> None:
    """Python 3.11.0 to 3.11.4 keep what a repetition that failed had read (python/cpython#106052)."""
    texts = (node.value for node in ast.walk(TREES[module]) if isinstance(node, ast.Constant))
    assert not [
        text
        for text in texts
        if isinstance(text, str | bytes) and POSSESSIVE_GROUP.search(without_classes(text))
    ]


def without_classes(text: str | bytes) -> str:
    return CHARACTER_CLASS.sub("", text.decode("latin-1") if isinstance(text, bytes) else text)
