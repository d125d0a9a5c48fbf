"""Coverage-guided fuzzing of the reader: bytes in, updates or a refusal out, and nothing else.

A program, not a test. It runs until it finds something or the time is over, and keeps what it has learnt in a folder:

    .venv/bin/pip install -e '.[fuzz]'
    .venv/bin/python -m tests.fuzz.reader /tmp/corpus -max_total_time=600

Further arguments are libFuzzer's (`-help=1` lists them). What it finds it writes into the folder that it runs in, as
`crash-…`; give it that file as its only argument to see it again, and make a test of it in tests/graph/.
"""

import copy
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

try:
    import atheris
except ImportError:
    sys.exit("This program needs the package atheris: pip install -e '.[fuzz]'")

with atheris.instrument_imports(include=["receiver.graph"]):
    from tests.fuzz.reading import look
    from tests.support.odd_notifications import ITEMS, paths

VALUES: list[Any] = [None, True, 0, 2**64, -1.5, "", [], {}]
WORDS = sorted({word for item in ITEMS for word in json.dumps(item).split('"')[1::2]})


def mutate(body: bytes, max_size: int, seed: int) -> bytes:
    """Change a body: half of the time as JSON, so that it stays some, else byte by byte."""
    random = Random(seed)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    places = [path for path in paths(document) if path]
    if not places or random.random() < 0.5:
        return bytes(atheris.Mutate(body, max_size))
    *above, last = random.choice(places)
    value = random.choice(
        [random.choice(WORDS), copy.deepcopy(reach(document, random.choice(places))), *VALUES]
    )
    reach(document, above)[last] = value
    made = json.dumps(document).encode()
    return made if len(made) <= max_size else bytes(atheris.Mutate(body, max_size))


def reach(document: Any, path: Iterable[str | int]) -> Any:
    """Return what stands at a place within a document."""
    for step in path:
        document = document[step]
    return document


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, item in enumerate([ITEMS, *([item] for item in ITEMS)]):
            (seeds / str(number)).write_text(json.dumps({"value": item}))
        words = Path(folder) / "words"
        words.write_text("".join(f'"{json.dumps(word)[1:-1]}"\n' for word in WORDS if word.isascii()))
        options = ["-max_len=4096", "-timeout=10", f"-dict={words}"]
        atheris.Setup([*sys.argv, str(seeds), *options], look, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
