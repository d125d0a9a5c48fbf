"""Graph's invite API: it takes an invitation at once, and sends the result later, to the callback.

https://learn.microsoft.com/graph/api/participant-invite. It takes any call and any bearer token.
"""

import json
import re
import threading
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote

from receiver.simulator.invented_people import new_id
from receiver.simulator.invitations import (
    TYPE,
    Ending,
    InvalidInvitationError,
    Invitation,
    choose_ending,
    read_invitation,
)
from receiver.simulator.loopback_server import LoopbackServer, Reply, Request
from receiver.simulator.notification_bodies import Shape, envelope, notification, resource, result_info
from receiver.simulator.notification_sender import Answer, Sender
from receiver.simulator.posts import Delivery
from receiver.simulator.scenarios import Expectation, Step
from receiver.simulator.signing_key import JSONObject

VERSION: Final = "/v1.0"
NEVER: Final = "never"
"""The ending of an invitation whose result never comes."""

_PATH: Final = re.compile(r"(?:/v1\.0|/beta)?/communications/calls/([^/]+)/participants/invite")


class InviteAPI:
    """Serves the invite API; a context manager that serves until it is left.

    Args:
        sender: posts the results; used by one thread at a time.
        random: chooses ids, times and endings.
        ending: how every invitation ends, by name; None for any, `NEVER` for a result that never comes.
        speed: how many times faster than real invitations, one of which nobody answers takes a minute; 0: at once.
        told: told of each result that was posted, and of what was answered.
        port: to serve on, at 127.0.0.1; 0 takes a free one.
    """

    def __init__(
        self,
        sender: Sender,
        random: Random,
        *,
        ending: str | None = None,
        speed: float = 1.0,
        told: Callable[[Delivery, Answer], None],
        port: int = 0,
    ) -> None:
        self._sender = sender
        self._random = random
        self._ending = ending
        self._speed = speed
        self._told = told
        self._server = LoopbackServer(self._answer, "invite-api", host="127.0.0.1", port=port)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._stopped = False
        self._due: set[threading.Timer] = set()

    def __enter__(self) -> Self:
        """Begin to serve.

        Raises:
            OSError: the port is taken.
        """
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving; results that are not due yet never come."""
        self._server.stop()
        with self._lock:
            self._stopped = True
            for timer in self._due:
                timer.cancel()

    @property
    def url(self) -> str:
        """What stands in for `https://graph.microsoft.com/v1.0`."""
        return f"{self._server.origin}{VERSION}"

    def _answer(self, request: Request) -> Reply:
        found = _PATH.fullmatch(request.path)
        if not found or request.method != "POST":
            return _error(404, "ResourceNotFound", "Only calls/{id}/participants/invite is simulated.")
        if not re.fullmatch(r"Bearer \S+", request.headers.get("authorization", ""), re.IGNORECASE):
            return _error(401, "InvalidAuthenticationToken", "Access token is empty.")
        try:
            invitation = read_invitation(json.loads(request.body))
        except ValueError:
            return _error(400, "BadRequest", "The body is no JSON.")
        except InvalidInvitationError as error:
            return _error(400, "BadRequest", str(error))
        return self._invite(unquote(found[1]).lower(), invitation)

    def _invite(self, call_id: str, invitation: Invitation) -> Reply:
        with self._lock:
            operation_id = new_id(self._random)
            if self._ending != NEVER and not self._stopped:
                ending = choose_ending(self._random, self._ending)
                self._plan(self._step(call_id, operation_id, invitation, ending), ending)
        location = f"{self.url}/communications/calls/{call_id}/operations/{operation_id}"
        return Reply(200, invitation.running(operation_id), {"Location": location})

    def _plan(self, step: Step, ending: Ending) -> None:
        seconds = self._random.uniform(*ending.after) / self._speed if self._speed else 0.0
        timer = threading.Timer(seconds, lambda: self._send(timer, step))
        timer.daemon = True
        self._due.add(timer)
        timer.start()

    def _step(self, call_id: str, operation_id: str, invitation: Invitation, ending: Ending) -> Step:
        shape = Shape.draw(self._random)
        message = ending.message.format(invitation.address)
        members = {
            **invitation.result(ending),
            "resultInfo": result_info(shape, ending.code, ending.subcode, message),
        }
        data = resource(shape, TYPE, operation_id, members)
        item = notification(shape, "deleted", call_id, "operations", operation_id, data=data)
        expected = Expectation(invitation.client_context, call_id, operation_id, TYPE, ending.status)
        return Step(0, envelope(item), f"invited {ending.status}", expected, final=True)

    def _send(self, timer: threading.Timer, step: Step) -> None:
        with self._lock:
            self._due.discard(timer)
        with self._sending:
            if self._stopped or step.expectation is None:
                return
            delivery = Delivery(0, (step,))
            self._told(delivery, self._sender.send(step.envelope, chain_id=step.expectation.call_id))


def _error(status: int, code: str, message: str) -> Reply:
    error: JSONObject = {"code": code, "message": message}
    return Reply(status, {"error": error})
