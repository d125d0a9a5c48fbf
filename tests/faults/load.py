"""A load of signed notifications, and an exact account of what was answered to each."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, cycle
from typing import Final, Self

from tests.faults.stories import STORIES, Story
from tests.support.service import Service

SENDERS: Final = 6
_PAUSE: Final = 0.004
_YEAR: Final = (
    365 * 86400
)  # tokens are good whatever the receiver's clock says: they are not what is tried here


class Load:
    """Sends one notification after the other on several connections, until stopped.

    What belongs to one operation or call is sent on several connections at the same time.

    Args:
        service: where to; `move` to another.
        name: what the client contexts begin with.

    Attributes:
        slowest: seconds until the last answer.
        turned_away: how often nobody listened; nothing was sent then.
    """

    def __init__(self, service: Service, name: str) -> None:
        self._port = service.port
        self._token = service.token(not_before=time.time() - 2 * _YEAR, lifetime=timedelta(seconds=4 * _YEAR))
        self._name = name
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._senders = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]
        self._items = self._tell()
        self.stories: list[Story] = []
        self.slowest = 0.0
        self.turned_away = 0

    def __enter__(self) -> Self:
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for sender in self._senders:
            sender.join(30)

    def move(self, service: Service) -> None:
        """Open new connections to another receiver from now on."""
        self._port = service.port

    def count(self, answer: int | None) -> int:
        return sum(one == answer for story in self.stories for _, one in story.posts)

    def await_more(self, number: int = 20, seconds: float = 20) -> None:
        """Return when so many more notifications have been accepted."""
        wanted, deadline = self.count(202) + number, time.monotonic() + seconds
        while self.count(202) < wanted:
            assert time.monotonic() < deadline, "nothing is accepted any more"
            time.sleep(0.02)

    def _tell(self) -> Iterator[tuple[Story, str]]:
        for number, (kind, told) in zip(count(), cycle(STORIES)):
            story = Story(kind, f"{self._name} {number}")
            self.stories.append(story)
            for items in told:
                yield story, items

    def _send_all(self) -> None:
        client = self._connected()
        while not self._end.is_set():
            with self._lock:
                story, items = next(self._items)
            story.posts.append((items, self._send(client, *story.request(items))))
            time.sleep(_PAUSE)
            if client.sock is None:
                client = self._connected()
        client.close()

    def _connected(self) -> http.client.HTTPConnection:
        """Connect, as a router does: to where it believes a receiver to be, and again while there is none."""
        while True:
            client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                client.connect()
            except ConnectionError:
                self.turned_away += 1
                if self._end.wait(0.05):
                    return client
            else:
                return client

    def _send(self, client: http.client.HTTPConnection, path: str, item: object) -> int | None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        began = time.monotonic()
        try:
            client.request("POST", path, json.dumps({"value": [item]}), headers)
            answer = client.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            client.close()
            return None
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer.status
