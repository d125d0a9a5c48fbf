"""The rules that hold the rooms together (see "The rooms" in the design): who may import whom, and how long a
file may be. Read from the source, so that imports inside functions count too.
"""

import ast
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
    "receiver.trust": {"receiver.errors", "receiver.supervision"},
    "receiver.graph": {"receiver.errors"},
    "receiver.store": {"receiver.errors", "receiver.graph", "receiver.supervision"},
    "receiver.web": {
        "receiver",
        "receiver.errors",
        "receiver.environ_names",
        "receiver.hardening",
        "receiver.log_grouping",
        "receiver.logs",
        "receiver.metrics",
        "receiver.raw_answer",
        "receiver.supervision",
        "receiver.tracing",
        "receiver.trust",
        "receiver.store",
        "receiver.graph",
    },
    "receiver.metrics": {
        "receiver",
        "receiver.errors",
        "receiver.supervision",
        "receiver.trust",
        "receiver.store",
        "receiver.graph",
    },
    "receiver.simulator": {"receiver"},
    "receiver.client": {"receiver"},
    "receiver.examples": {"receiver.client"},
    "receiver.aside": set(),
    "receiver.errors": set(),
    "receiver.supervision": set(),
    "receiver.log_grouping": set(),
    "receiver.listening": set(),
    "receiver.logs": set(),
    "receiver.tracing": set(),
    "receiver.connection": set(),
    "receiver.connection_limit": {"receiver.connection"},
    "receiver.environ_names": set(),
    "receiver.hardening": set(),
    "receiver.raw_answer": set(),
    "receiver.refusal": {"receiver.errors", "receiver.hardening", "receiver.raw_answer"},
    "receiver.worker": {
        "receiver.connection",
        "receiver.connection_limit",
        "receiver.environ_names",
        "receiver.log_grouping",
        "receiver.refusal",
    },
    "receiver.config": {
        "receiver",
        "receiver.cloud_foundry",
        "receiver.setting_reader",
        "receiver.setting_texts",
        "receiver.trust",
    },
    "receiver.setting_reader": set(),
    "receiver.setting_texts": {"receiver.store.address", "receiver.trust"},
    "receiver.cloud_foundry": set(),
    "receiver.demo": {"receiver.config", "receiver.trust"},
    "receiver.server": {
        "receiver.environ_names",
        "receiver.config",
        "receiver.metrics",
        "receiver.store",
        "receiver.worker",
    },
    "receiver.check": {"receiver.config", "receiver.errors", "receiver.store", "receiver.trust"},
    "receiver.parts": {
        "receiver.config",
        "receiver.metrics",
        "receiver.store",
        "receiver.supervision",
        "receiver.trust",
        "receiver.web",
    },
    "receiver.present": {"receiver.metrics", "receiver.parts", "receiver.store", "receiver.trust"},
    "receiver.app": {
        "receiver.environ_names",
        "receiver.config",
        "receiver.parts",
        "receiver.present",
        "receiver.store",
        "receiver.tracing",
        "receiver.web",
    },
}
"""What each room may import beside itself; `cli`, which starts everything, anything."""

ASSEMBLERS = {f"receiver.{name}" for name in ("app", "parts", "cli", "server", "check", "demo")}
"""Where parts are put together: who may import `receiver.web` and `receiver.config`."""

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
"""What a pure room has no use for."""

LONGEST = 300


def imports(module: str) -> Iterator[str]:
    """Yield the full name of all that a module imports, wherever it does so.

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
    started_by = {"receiver", "receiver.cli", "receiver.__main__"}
    assert {
        module for module in FILES if not any(is_within(module, room) for room in MAY_IMPORT)
    } == started_by
    assert imports_of_ours("receiver.graph.notifications") >= {"receiver.errors", "receiver.graph.json"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for module in modules_of(room):
        for name in imports_of_ours(module):
            # `receiver` itself holds the version only; naming it opens no room.
            allowed = name in MAY_IMPORT[room] or any(
                is_within(name, other) for other in {room, *MAY_IMPORT[room]} - {"receiver"}
            )
            assert allowed, f"{module} imports {name}"


@pytest.mark.parametrize("room", ["receiver.web", "receiver.config"])
def test_only_the_assemblers_know_the_web_and_the_settings(room: str) -> None:
    for module in FILES:
        if module not in ASSEMBLERS and not is_within(module, room):
            assert not [name for name in imports_of_ours(module) if is_within(name, room)], module


def test_the_reading_room_is_pure() -> None:
    for module in modules_of("receiver.graph"):
        assert not {name.split(".")[0] for name in imports(module)} & PURE, module


def test_no_modules_import_each_other_in_a_circle() -> None:
    order = TopologicalSorter({module: imports_of_ours(module) - {module} for module in FILES})
    order.prepare()  # names the circle, if there is one


@pytest.mark.parametrize("module", sorted(FILES))
def test_a_file_fits_in_a_head(module: str) -> None:
    assert len(FILES[module].read_text().splitlines()) <= LONGEST


def test_only_the_settings_read_the_environment() -> None:
    assert [module for module in sorted(FILES) if reads_environment(module)] == ["receiver.config"]


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


def test_every_file_says_what_it_is_for() -> None:
    for module, tree in TREES.items():
        assert ast.get_docstring(tree) or not tree.body, module
