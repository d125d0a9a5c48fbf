"""Graph's invite API: accepts an invitation at once, and posts its result to the callback later.

https://learn.microsoft.com/graph/api/participant-invite. It accepts any call and any bearer token.
"""

import json
import re
import threading
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote

from receiver.simulator.invitations import (
    TYPE,
    InvalidInvitationError,
    Invitation,
    InvitationResult,
    choose_result,
    read_invitation,
)
from receiver.simulator.loopback_server import LoopbackServer, Reply, Request
from receiver.simulator.notification_bodies import Shape, envelope, notification, resource, result_info
from receiver.simulator.notification_sender import Answer, Sender
from receiver.simulator.posts import Post
from receiver.simulator.scenarios import Expectation, Step
from receiver.simulator.signing_key import JSONObject
from receiver.simulator.simulated_people import new_id

VERSION: Final = "/v1.0"
NEVER: Final = "never"
"""The name of the outcome without a result."""

_PATH: Final = re.compile(r"(?:/v1\.0|/beta)?/communications/calls/([^/]+)/participants/invite")


class InviteAPI:
    """A server of the invite API, as a context manager.

    Args:
        sender: posts the results; used by one thread at a time.
        random: chooses ids, times and results.
        outcome: the name of every invitation's result; None for any, `NEVER` for a result that never comes.
        speed: how many times faster than real invitations, of which an unanswered one takes a minute; 0: at once.
        on_posted: called with each result that was posted, and its response.
        port: the port at 127.0.0.1; 0 takes a free one.
    """

    def __init__(
        self,
        sender: Sender,
        random: Random,
        *,
        outcome: str | None = None,
        speed: float = 1.0,
        on_posted: Callable[[Post, Answer], None],
        port: int = 0,
    ) -> None:
        self._sender = sender
        self._random = random
        self._outcome = outcome
        self._speed = speed
        self._on_posted = on_posted
        self._server = LoopbackServer(self._answer, "invite-api", host="127.0.0.1", port=port)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._stopped = False
        self._timers: set[threading.Timer] = set()

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
        """Stop serving; after it, no result is posted, not even one that is due."""
        self._server.stop()
        with self._lock:
            self._stopped = True
            for timer in self._timers:
                timer.cancel()
        with self._sending:  # until a post in progress has ended
            pass

    @property
    def url(self) -> str:
        """The base URL, in place of `https://graph.microsoft.com/v1.0`."""
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
            return _error(400, "BadRequest", "The body is not JSON.")
        except InvalidInvitationError as error:
            return _error(400, "BadRequest", str(error))
        return self._invite(unquote(found[1]).lower(), invitation)

    def _invite(self, call_id: str, invitation: Invitation) -> Reply:
        with self._lock:
            operation_id = new_id(self._random)
            if self._outcome != NEVER and not self._stopped:
                result = choose_result(self._random, self._outcome)
                self._schedule(self._step(call_id, operation_id, invitation, result), result)
        location = f"{self.url}/communications/calls/{call_id}/operations/{operation_id}"
        return Reply(200, invitation.running(operation_id), {"Location": location})

    def _schedule(self, step: Step, result: InvitationResult) -> None:
        seconds = self._random.uniform(*result.after) / self._speed if self._speed else 0.0
        timer = threading.Timer(seconds, lambda: self._send(timer, step))
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _step(
        self, call_id: str, operation_id: str, invitation: Invitation, result: InvitationResult
    ) -> Step:
        shape = Shape.draw(self._random)
        message = result.message.format(invitation.address)
        members = {
            **invitation.result_members(result),
            "resultInfo": result_info(shape, result.code, result.subcode, message),
        }
        data = resource(shape, TYPE, operation_id, members)
        item = notification(shape, "deleted", call_id, "operations", operation_id, data=data)
        expected = Expectation(invitation.client_context, call_id, operation_id, TYPE, result.status)
        return Step(0, envelope(item), f"invited {result.status}", expected, final=True)

    def _send(self, timer: threading.Timer, step: Step) -> None:
        with self._lock:
            self._timers.discard(timer)
        with self._sending:
            if self._stopped or step.expectation is None:
                return
            post = Post(0, (step,))
            self._on_posted(post, self._sender.send(step.envelope, chain_id=step.expectation.call_id))


def _error(status: int, code: str, message: str) -> Reply:
    error: JSONObject = {"code": code, "message": message}
    return Reply(status, {"error": error})
