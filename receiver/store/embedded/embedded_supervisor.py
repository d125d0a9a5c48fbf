"""Supervise the embedded store: a program of its own that keeps one valkey-server running.

It is run as a file, without the package, so that it starts at once and does not depend on the current folder. Its
standard input is the pipe from the receiver's master (`embedded_store.py`).
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

CAME_UP: Final = b"up"
"""The master's message when the server has answered for the first time."""

STOP: Final = b"stop"
"""The master's message to stop the server; the end of the pipe means the same."""

STOP_SECONDS: Final = 10.0
"""How long the server may take for a clean end before it is killed."""

_TERM_SECONDS: Final = 30.0
"""How long after a SIGTERM the server runs on for the workers' last requests."""

_STABLE_SECONDS: Final = 10.0
"""How long a server must have run for the next restart to come without a delay."""

_RESTART_DELAYS: Final = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
_PR_SET_PDEATHSIG: Final = 1


class _Supervisor:
    """Keeps one server running until the master sends `STOP` or is gone."""

    def __init__(self, command: list[str], log_path: str, lock: int) -> None:
        self._command = command
        self._log_path = log_path
        self._lock = lock
        self._give_up_at: float | None = None
        self._came_up = False
        self._wake, alarm = os.pipe()
        os.set_blocking(alarm, False)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self) -> int:
        """Start the server whenever it ends; return the exit status when the supervisor must stop."""
        quick_ends = 0
        while True:
            started = time.monotonic()
            server = self._start()
            if self._wait_for_stop(None, lambda: server.poll() is not None):  # noqa: B023 - called within this iteration
                return self._stop(server)
            status, lived = server.wait(), time.monotonic() - started
            if not self._came_up and status > 0:
                return status  # the master reports why the start failed; a restart would not help
            quick_ends = 0 if lived > _STABLE_SECONDS else quick_ends
            delay = _RESTART_DELAYS[min(quick_ends, len(_RESTART_DELAYS) - 1)]
            quick_ends += 1
            sys.stderr.write(
                f"receiver: the embedded store ended (status {status}); it starts again in {delay} s\n"
            )
            if self._wait_for_stop(delay, lambda: False):
                return 0

    def _start(self) -> subprocess.Popen[bytes]:
        with Path(self._log_path).open("ab") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._lock],
                preexec_fn=_ends_with(os.getpid()),  # noqa: PLW1509 - there are no threads here
            )

    def _stop(self, server: subprocess.Popen[bytes]) -> int:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        return 0

    def _on_term(self, *_: object) -> None:
        # systemd sends SIGTERM to the whole group at once, while the workers still have requests to finish.
        self._give_up_at = self._give_up_at or time.monotonic() + _TERM_SECONDS

    def _wait_for_stop(self, seconds: float | None, done: Callable[[], bool]) -> bool:
        """Wait until `done` returns true, or for some seconds, or until it is time to stop; return whether it is."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not done():
            ends = [moment for moment in (deadline, self._give_up_at) if moment is not None]
            timeout = max(0.0, min(ends) - time.monotonic()) if ends else None
            readable, _, _ = select.select([sys.stdin.fileno(), self._wake], [], [], timeout)
            if sys.stdin.fileno() in readable:
                if os.read(sys.stdin.fileno(), 64) != CAME_UP:
                    return True
                self._came_up = True
            if self._wake in readable:
                os.read(self._wake, 512)
            if self._give_up_at is not None and time.monotonic() >= self._give_up_at:
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
        return False


def _ends_with(supervisor: int) -> Callable[[], None] | None:
    """Return a function for a new process to run first: it makes the kernel kill it when the supervisor dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)

    return prepare


def _supervise(lock: str, log_path: str, socket_dir: str, *command: str) -> int:
    parent = os.getppid()
    status = _Supervisor(list(command), log_path, int(lock)).run()
    if (
        os.getppid() != parent
    ):  # the master was killed, and can't clean up; alive, it may need the folder again
        shutil.rmtree(socket_dir, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(_supervise(*sys.argv[1:]))
