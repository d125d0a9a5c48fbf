"""`requirements.txt`, which platforms install, is what `pyproject.toml` asks for: pinned, hashed, no more, no less."""

import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.pythons import SUPPORTED
from tests.support.paths import ROOT

LOCK = (ROOT / "requirements.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@dataclass(frozen=True)
class Pin:
    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def version(self) -> str:
        [pinned] = self.requirement.specifier
        assert pinned.operator == "=="
        return pinned.version


def pins() -> dict[str, Pin]:
    """What the lock file pins, by name."""
    found: dict[str, Pin] = {}
    for entry in re.sub(r"\\\n", "", re.sub(r"^ *#.*\n", "", LOCK, flags=re.MULTILINE)).splitlines():
        text, *hashes = entry.split("--hash=")
        requirement = Requirement(text.strip())
        found[canonicalize_name(requirement.name)] = Pin(requirement, tuple(map(str.strip, hashes)))
    return found


PINS = pins()
DIRECT = [Requirement(text) for text in PROJECT["dependencies"]]


def needed(*, anywhere: bool) -> set[str]:
    """The names of all that the project needs, directly or not: on this machine, or on any.

    What isn't installed here, because no machine like this needs it, is taken to need nothing itself.
    """
    names: set[str] = set()
    waiting = list(DIRECT)
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        names.add(canonicalize_name(requirement.name))
        try:
            further = requires(requirement.name) or []
        except PackageNotFoundError:
            assert anywhere, f"{requirement.name} is needed here, and not installed"
            continue
        waiting += [one for one in map(Requirement, further) if applies(one, requirement.extras, anywhere)]
    return names


def applies(requirement: Requirement, extras: set[str], anywhere: bool) -> bool:
    """Whether the extras that were asked for bring this requirement in."""
    if requirement.marker is None:
        return True
    if anywhere and "extra" not in str(requirement.marker):
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""}))


def test_the_root_holds_one_lock_file_else_the_buildpack_refuses() -> None:
    known = {"requirements.txt", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock"}
    assert [path.name for path in ROOT.iterdir() if path.name in known] == ["requirements.txt"]


def test_every_requirement_is_pinned_within_its_range() -> None:
    for requirement in DIRECT:
        pin = PINS[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.version), requirement


def test_what_that_needs_is_pinned_too() -> None:
    assert needed(anywhere=False) - PINS.keys() == set()


def test_nothing_is_pinned_that_nothing_needs() -> None:
    assert PINS.keys() - needed(anywhere=True) == set()


def test_every_pin_has_hashes_of_wheels_for_several_systems() -> None:
    for name, pin in PINS.items():
        assert pin.hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in pin.hashes), name
    for compiled in ("cffi", "cryptography", "gevent", "greenlet", "hiredis", "markupsafe", "orjson"):
        assert len(PINS[compiled].hashes) > 10, compiled


def test_it_names_no_place_to_get_things_from() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE)


def test_platforms_take_the_newest_python_that_is_supported() -> None:
    assert (ROOT / ".python-version").read_text().strip() == SUPPORTED[-1]
    assert f">={SUPPORTED[0]}" == PROJECT["requires-python"]


def test_lock_has_what_the_oldest_python_needs() -> None:
    assert f"--python-version {SUPPORTED[0]} " in LOCK.splitlines()[1]
