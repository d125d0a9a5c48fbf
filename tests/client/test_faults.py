"""Errors when the server is not a receiver, or does not respond."""

import json
import pickle

import pytest

from receiver.client import (
    ClientError,
    ProblemError,
    Receiver,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
)
from tests.client.conftest import Impostor
from tests.support.key_provider import Behaviour, Handler
from tests.support.service import free_port


def answering(
    content: object, status: int = 200, kind: str = "application/json", **headers: str
) -> Behaviour:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda handler: handler.reply(body, status, **{"Content-Type": kind, **headers})


def test_a_refused_connection_is_unreachable() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError, match=f"{address} does not answer: .*refused"):
        Receiver(address).get("x")


def test_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        Receiver("http://receiver.invalid").get("x")


def test_a_connection_that_breaks_once_is_retried(impostor: Impostor) -> None:
    def break_once(handler: Handler) -> None:
        if len(impostor.requests) == 1:
            handler.close_connection = True
        else:
            answering({"operations": [], "next": None})(handler)

    impostor.do = break_once
    assert list(Receiver(impostor.origin).list()) == []
    assert len(impostor.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        answering(b"<html>Welcome</html>", kind="text/html"),
        answering(b"<html>Not found</html>", 404, kind="text/html"),
        answering({"hello": "world"}),
        answering([]),
        answering(b"{"),
        answering(b""),
        answering({"type": "x"}, 404),
        answering([], 404, "application/problem+json"),
    ],
)
def test_a_response_of_another_server_is_unexpected(impostor: Impostor, answer: Behaviour) -> None:
    impostor.do = answer
    receiver = Receiver(impostor.origin)
    with pytest.raises(UnexpectedAnswerError):
        receiver.get("x")
    with pytest.raises(UnexpectedAnswerError):
        list(receiver.list())
    with pytest.raises(UnexpectedAnswerError):
        receiver.stream()


def test_a_redirect_is_not_followed_with_the_key(impostor: Impostor) -> None:
    impostor.do = answering(b"", 301, Location="https://elsewhere.example/")
    with pytest.raises(UnexpectedAnswerError, match=r"redirects to https://elsewhere\.example/"):
        Receiver(impostor.origin, "key").get("x")
    assert len(impostor.requests) == 1


def test_a_routers_error_is_unavailable(impostor: Impostor) -> None:
    impostor.do = answering(b"<html>Application error</html>", 502, "text/html")
    with pytest.raises(UnavailableError) as result:
        Receiver(impostor.origin).get("x")
    assert (result.value.status, result.value.type, result.value.retry_after) == (502, "", None)
    assert str(result.value) == "502 Bad Gateway"


def test_an_unknown_problem_keeps_its_members(impostor: Impostor) -> None:
    impostor.do = answering({"type": "/problems/new", "more": 1}, 409, "application/problem+json")
    with pytest.raises(ProblemError) as result:
        Receiver(impostor.origin).get("x")
    assert (result.value.type, result.value.document["more"]) == ("/problems/new", 1)
    again = pickle.loads(pickle.dumps(result.value))
    assert (type(again), str(again), again.type) == (ProblemError, "409", "/problems/new")


def test_every_error_is_a_client_error() -> None:
    assert all(
        issubclass(kind, ClientError) for kind in (ProblemError, UnexpectedAnswerError, UnreachableError)
    )
