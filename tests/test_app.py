"""Wiring starts nothing: the app and its components are made without a thread, and `Components.start` starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WIRING = """
import threading
from receiver.app import create_app
from receiver.components import make_components
from receiver.settings.configuration import read_settings

components = make_components(read_settings())
create_app(components)
print(*sorted(thread.name for thread in threading.enumerate()))
components.start()
print(*sorted(thread.name for thread in threading.enumerate()))
"""
"""In a process of its own, as each worker does it; the first line that it prints is before the start."""


@pytest.fixture(scope="module")
def threads(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The names of the threads before and after the start, with all background work configured."""
    environment = {
        **os.environ,
        "REDIS_URL": "unix:///nonexistent",
        "RECEIVER_APP_IDS": "11111111-1111-1111-1111-111111111111",
        "RECEIVER_SPOOL": str(tmp_path_factory.mktemp("spool")),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-c", WIRING]
    root = Path(__file__).parent.parent
    output = subprocess.run(command, env=environment, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return [line.split() for line in output.stdout.splitlines() if "=" not in line]


def test_create_app_starts_no_thread(threads: list[list[str]]) -> None:
    assert threads[0] == ["MainThread"]


def test_components_start_starts_each_thread(threads: list[list[str]]) -> None:
    expected = {"spool-writer", "spool-drainer", "signing-keys", "overdue-watcher"}
    assert expected <= set(threads[1])
    assert any("Otel" in name for name in threads[1])
