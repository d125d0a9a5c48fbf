"""The Lua scripts: their first comments name the files before them, and they get the limits that they use."""

import re
from pathlib import Path

import pytest

import receiver
from receiver.store import scripts
from receiver.store.limits import SCRIPT_CONSTANTS
from receiver.store.scripts import SCRIPTS, Script

FOLDER = Path(receiver.__file__).parent / "store" / "lua"
NAMES = {name: value for name, value in vars(scripts).items() if isinstance(value, Script)}
LAST = {script.files[-1] for script in SCRIPTS}
PARTS = {name for script in SCRIPTS for name in script.files} - LAST


def comment_of(name: str) -> str:
    """Return the first comment of a file, with each statement on one line."""
    text = (FOLDER / f"{name}.lua").read_text()
    assert text.startswith("--[[ ")
    return re.sub(r"\n +(?=\+)", " ", text[: text.index("]]")])


def test_every_file_is_part_of_a_script() -> None:
    assert {path.stem for path in FOLDER.glob("*.lua")} == LAST | PARTS
    assert tuple(NAMES.values()) == SCRIPTS


@pytest.mark.parametrize("name", NAMES)
def test_script_names_the_files_that_stand_before_it(name: str) -> None:
    files = NAMES[name].files
    line = f"SCRIPT   {name} = {' + '.join(('constants', *files))}\n"
    assert line in comment_of(files[-1])


@pytest.mark.parametrize("name", sorted(LAST))
def test_script_describes_its_keys_and_arguments(name: str) -> None:
    text = (FOLDER / f"{name}.lua").read_text()
    described = comment_of(name)
    assert re.search(r"^KEYS\[1\]  \S", described, re.MULTILINE)
    assert re.search(r"^ARGV\[1\]  prefix", described, re.MULTILINE)
    for argument in set(re.findall(r"ARGV(\[\d\])", text.removeprefix(described))):
        assert argument in described, argument


@pytest.mark.parametrize("name", sorted(PARTS))
def test_part_names_the_parts_that_it_uses(name: str) -> None:
    found = re.search(r"^USES +(.+)$", comment_of(name), re.MULTILINE)
    assert found
    used = [] if found[1] == "nothing" else found[1].split(", ")
    for script in SCRIPTS:
        if name in script.files:
            assert set(used) <= set(script.files[: script.files.index(name)]), script.files


@pytest.mark.parametrize("name", NAMES)
def test_script_has_the_limits_that_it_uses(name: str) -> None:
    text = NAMES[name].text
    for constant, value in SCRIPT_CONSTANTS.items():
        assert (f"local {constant} = {value}\n" in text) == (len(re.findall(rf"\b{constant}\b", text)) > 1)


def test_every_limit_of_scripts_is_used_by_one() -> None:
    text = "".join(script.text for script in SCRIPTS)
    assert [name for name in SCRIPT_CONSTANTS if f"local {name} =" not in text] == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.lua")), ids=lambda path: path.stem)
def test_script_has_no_limit_of_its_own(path: Path) -> None:
    code = re.sub(r"--\[\[.*?\]\]|--[^\n]*", "", path.read_text(), flags=re.DOTALL)
    assert set(re.findall(r"\b[0-9]{2,}\b", code)) <= {"99", "1000"}, "99 is a rank, 1000 the ms of a second"
