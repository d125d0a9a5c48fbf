"""A load of signed notifications, with the exact response to each."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, cycle
from typing import Final, Self

from tests.faults.scenarios import SCENARIOS, Scenario
from tests.support.service import Service

SENDERS: Final = 6
_PAUSE: Final = 0.004
_YEAR: Final = 365 * 86400
"""Seconds; tokens are valid for years, whatever the receiver's clock, since they are not what is tested here."""


class Load:
    """Sends one notification after the other on several connections, until stopped.

    The notifications of one operation or call are sent on several connections at the same time.

    Args:
        service: the receiver; `move` changes it.
        name: the prefix of client contexts.

    Attributes:
        slowest: seconds until the slowest response.
        refused_connections: how often no receiver listened; nothing was sent then.
    """

    def __init__(self, service: Service, name: str) -> None:
        self._port = service.port
        self._token = service.token(not_before=time.time() - 2 * _YEAR, lifetime=timedelta(seconds=4 * _YEAR))
        self._name = name
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._senders = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]
        self._items = self._next_items()
        self.scenarios: list[Scenario] = []
        self.slowest = 0.0
        self.refused_connections = 0

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
        return sum(one == answer for scenario in self.scenarios for _, one in scenario.posts)

    def await_more(self, number: int = 20, seconds: float = 20) -> None:
        """Wait until `number` more notifications have been accepted."""
        wanted, deadline = self.count(202) + number, time.monotonic() + seconds
        while self.count(202) < wanted:
            assert time.monotonic() < deadline, "nothing is accepted any more"
            time.sleep(0.02)

    def _next_items(self) -> Iterator[tuple[Scenario, str]]:
        for number, (kind, sequence) in zip(count(), cycle(SCENARIOS)):
            scenario = Scenario(kind, f"{self._name} {number}")
            self.scenarios.append(scenario)
            for items in sequence:
                yield scenario, items

    def _send_all(self) -> None:
        client = self._connected()
        while not self._end.is_set():
            with self._lock:
                scenario, items = next(self._items)
            scenario.posts.append((items, self._send(client, *scenario.request(items))))
            time.sleep(_PAUSE)
            if client.sock is None:
                client = self._connected()
        client.close()

    def _connected(self) -> http.client.HTTPConnection:
        """Connect, as a router does: to the receiver's known address, and again while none listens."""
        while True:
            client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            try:
                client.connect()
            except ConnectionError:
                self.refused_connections += 1
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
