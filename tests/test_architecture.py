"""`receiver/ARCHITECTURE.md` names files that exist, and is short enough to be read."""

import re
from pathlib import Path

import receiver

ROOT = Path(receiver.__file__).parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text()


def test_architecture_names_only_files_that_exist() -> None:
    named = set(re.findall(r"`([a-z_/]+(?:\.(?:py|lua)|/))`", TEXT))
    subfolders = {
        "middleware/",
        "endpoints/",
        "auth/",
        "live/",
        "openapi/",
        "pages/",
        "lua/",
        "transport/",
        "embedded/",
    }
    missing = {
        name
        for name in named - subfolders
        if not (ROOT / name).exists()
        and not (ROOT / "store/lua" / name).exists()
        and not name.startswith("tests/")
    }
    assert len(named) > 40
    assert not missing


def test_architecture_names_every_room() -> None:
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert not {room for room in rooms if f"`{room}/`" not in TEXT}


def test_architecture_has_at_most_250_lines() -> None:
    assert len(TEXT.splitlines()) <= 250
