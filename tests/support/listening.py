"""A reader of server-sent events, over a plain socket, in a thread of its own."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from socket import SHUT_RDWR
from typing import Any, Self

from tests.support.service import READ, Service


@dataclass(frozen=True)
class Event:
    id: str
    kind: str
    data: Any


class Listener:
    """Collects what a stream sends until it is closed or ends."""

    def __init__(
        self, service: Service, query: str = "", last_id: str | None = None, cookie: str | None = None
    ) -> None:
        self.events: list[Event] = []
        self.comments = 0
        self.last_id = last_id or ""
        self.ended = threading.Event()
        self._connection = HTTPConnection("127.0.0.1", service.port, timeout=30)
        headers = {"Cookie": cookie} if cookie else {"Authorization": f"Bearer {READ}"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        self._connection.request("GET", f"/events{query}", headers=headers)
        self.response = self._connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self._socket = self.response.fp.raw._sock  # type: ignore[attr-defined]
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(10), "the stream begins at once"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(SHUT_RDWR)
        self.ended.wait(5)
        self.response.close()
        self._connection.close()

    def wait_for(self, count: int, seconds: float = 10) -> list[Event]:
        deadline = time.monotonic() + seconds
        while len(self.events) < count:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.005)
        return list(self.events)

    def wait_after_reset(self, contexts: list[str], seconds: float = 10) -> None:
        """Wait until the operations after the last `reset` are those of some client contexts, in order.

        There may be more than one: also the receiver itself may have yet to read what was dropped from the feed.
        """
        deadline = time.monotonic() + seconds
        while self._contexts_after_reset() != contexts:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.005)

    def _contexts_after_reset(self) -> list[str]:
        events = list(self.events)
        resets = [place for place, event in enumerate(events) if event.kind == "reset"]
        return [event.data["clientContext"] for event in events[resets[-1] + 1 :]] if resets else []

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                else:
                    self._dispatch(fields)
                    fields = {}
        except (OSError, ValueError, AttributeError):
            pass  # closed from this side
        self.ended.set()

    def _dispatch(self, fields: dict[str, str]) -> None:
        self.last_id = fields.get("id", self.last_id)
        self._ready.set()
        if fields.get("event") == "bookmark":
            assert fields["data"] == "{}"
        elif "data" in fields:
            self.events.append(Event(fields.get("id", ""), fields["event"], json.loads(fields["data"])))
