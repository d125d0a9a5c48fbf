"""The functions that make keys, against the table in `receiver.store.keys`."""

import ast
import inspect
from pathlib import Path

import pytest

import receiver
from receiver.store import keys, limits
from tests.support.store_rules import RULES

ROOT = Path(receiver.__file__).parent
FUNCTIONS = [name for name in vars(keys) if name.endswith("_key")]
MAY_USE_THE_PREFIX = ["store/keys.py", "store/scripts.py"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_key_is_in_the_table(name: str) -> None:
    make = getattr(keys, name)
    arguments = [1 if name in {"number", "minute"} else "feed" for name in inspect.signature(make).parameters]
    key = make(*arguments)
    if name == "trial_key":
        key += ":kind"
    assert any(rule.pattern.fullmatch(key) for rule in RULES), key


def test_no_other_file_makes_keys() -> None:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        texts = {
            node.value if isinstance(node, ast.Constant) else getattr(node, "id", "")
            for node in ast.walk(ast.parse(path.read_text()))
        }
        names_prefix = any(isinstance(text, str) and keys.PREFIX[:-2] in text for text in texts)
        if names_prefix or (path.parent.name == "store" and "PREFIX" in texts) or imports_prefix(path):
            found.append(path.relative_to(ROOT).as_posix())
    assert found == MAY_USE_THE_PREFIX


def imports_prefix(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module in {"receiver.store.keys", "receiver.store.scripts"}
        and any(alias.name == "PREFIX" for alias in node.names)
        for node in ast.walk(ast.parse(path.read_text()))
    )


@pytest.mark.parametrize(
    ("row", "length"),
    [
        ("`participants:<call id>`", limits.MAX_PARTICIPANT_NOTIFICATIONS),
        ("`oid:<operation id>`", limits.CANDIDATE_RECORDS),
        ("`open:<client context>`", limits.CANDIDATE_RECORDS),
        ("`feed`", limits.FEED_LENGTH),
        ("`changes`", limits.CHANGES_LENGTH),
        ("`quarantine`", limits.QUARANTINE_LENGTH),
    ],
)
def test_table_has_the_lengths_of_limits(row: str, length: int) -> None:
    [line] = [line for line in (keys.__doc__ or "").splitlines() if line.startswith(f"| {row} |")]
    assert f"newest {length:,}" in line
