"""The rooms of the house, and the way imports run (section 2 of the design)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "receiver").rglob("*.py"))

MAY_IMPORT = {
    "graph": {"errors", "graph"},
    "trust": {"errors", "trust"},
    "store": {"errors", "graph", "store"},
    "web": {"errors", "graph", "store", "trust", "web"},
    "simulator": {"simulator"},
    "errors": set(),
    "config": {"trust"},
    "logs": set(),
    "worker": set(),
    "server": {"config", "store", "worker"},
    "app": {"config", "store", "trust", "web"},
    "check": {"config", "errors", "store", "trust"},
    "demo": {"config", "trust"},
}
"""What each room may import of the others. `cli`, which starts everything, may import anything."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> set[str]:
    """The receiver's modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & {module_name(file) for file in FILES} or {node.module or ""}
    return {name for name in found if name.startswith("receiver.")}


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_run_one_way(path: Path) -> None:
    name = module_name(path)
    if name == "receiver" or room(name) in {"cli", "__main__"}:
        return
    assert {room(other) for other in imported(path)} - {room(name)} <= MAY_IMPORT[room(name)]


def test_there_are_no_circles() -> None:
    graph = {module_name(path): imported(path) - {module_name(path)} for path in FILES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and ast.unparse(node.value) == "os"
    ]
    assert not reads or module_name(path) == "receiver.config"


@pytest.mark.parametrize(
    "module",
    ["flask", "redis", "gevent", "urllib3", "time", "socket", "os", "random", "datetime", "threading"],
)
def test_the_reading_room_is_pure(module: str) -> None:
    for path in (ROOT / "receiver/graph").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert module not in {name.split(".")[0] for name in names}, path
