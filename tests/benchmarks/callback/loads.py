"""The loads that are measured."""

from typing import Final

from tests.benchmarks.callback.load import Load

CONNECTIONS: Final = (1, 16, 64, 256)

LOADS: Final = {
    load.name: load
    for load in (
        *(Load(f"keep-{many}", many) for many in CONNECTIONS),
        *(Load(f"close-{many}", many, close=True) for many in CONNECTIONS),
        Load("lives", 64, kind="lives"),
        Load("batch", 16, items=50),
        Load("query", 64, kind="query"),
    )
}
