"""What a caller is told when what answers is no receiver, or nothing answers."""

import json
import pickle
from collections.abc import Callable

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
from tests.support.service import free_port


def answering(content: object, status: int = 200, kind: str = "application/json", **headers: str) -> Callable:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda handler: handler.reply(body, status, **{"Content-Type": kind, **headers})


def test_nobody_there() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError, match=f"{address} does not answer: .*refused"):
        Receiver(address).get("x")


def test_an_unknown_host() -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        Receiver("http://receiver.invalid").get("x")


def test_a_connection_that_is_cut_once_is_tried_again(impostor: Impostor) -> None:
    def cut_once(handler) -> None:
        if len(impostor.requests) == 1:
            handler.close_connection = True
        else:
            answering({"operations": [], "next": None})(handler)

    impostor.do = cut_once
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
def test_no_receiver(impostor: Impostor, answer: Callable) -> None:
    impostor.do = answer
    receiver = Receiver(impostor.origin)
    with pytest.raises(UnexpectedAnswerError):
        receiver.get("x")
    with pytest.raises(UnexpectedAnswerError):
        list(receiver.list())
    with pytest.raises(UnexpectedAnswerError):
        receiver.stream()


def test_an_address_that_leads_elsewhere_does_not_take_the_key_there(impostor: Impostor) -> None:
    impostor.do = answering(b"", 301, Location="https://elsewhere.example/")
    with pytest.raises(UnexpectedAnswerError, match=r"leads to https://elsewhere\.example/"):
        Receiver(impostor.origin, "key").get("x")
    assert len(impostor.requests) == 1


def test_a_router_that_finds_no_receiver_behind_it(impostor: Impostor) -> None:
    impostor.do = answering(b"<html>Application error</html>", 502, "text/html")
    with pytest.raises(UnavailableError) as told:
        Receiver(impostor.origin).get("x")
    assert (told.value.status, told.value.type, told.value.retry_after) == (502, "", None)
    assert str(told.value) == "502 Bad Gateway"


def test_a_problem_of_a_newer_receiver(impostor: Impostor) -> None:
    impostor.do = answering({"type": "/problems/new", "more": 1}, 409, "application/problem+json")
    with pytest.raises(ProblemError) as told:
        Receiver(impostor.origin).get("x")
    assert (told.value.type, told.value.document["more"]) == ("/problems/new", 1)
    again = pickle.loads(pickle.dumps(told.value))
    assert (type(again), str(again), again.type) == (ProblemError, "409", "/problems/new")


def test_every_error_is_one_of_the_client() -> None:
    assert all(
        issubclass(kind, ClientError) for kind in (ProblemError, UnexpectedAnswerError, UnreachableError)
    )
