import json
import socket
from pathlib import Path
from random import Random
from typing import Any

import jwt
import pytest

from receiver.simulator.issuer import Issuer
from receiver.simulator.notification_bodies import envelope
from receiver.simulator.notification_sender import Sender
from receiver.simulator.token_kinds import TokenKind
from tests.simulator.peer import Peer, ReceivedPost
from tests.simulator.verifying import APP, TENANT, verified

CHAIN = "11111111-2222-4333-8444-555555555555"
BODY = envelope({"name": "Zoë Müller"})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def sender(url: str, issuer: Issuer, **options: Any) -> Sender:
    return Sender(url, issuer, audience=APP, tenant_id=TENANT, **{"random": Random(1), **options})


def token(post: ReceivedPost) -> str:
    scheme, _, token = post.headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    return token


def closed_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/callback"


def test_a_post_has_graphs_headers(issuer: Issuer, peer: Peer) -> None:
    answer = sender(peer.url, issuer).send(BODY, chain_id=CHAIN)
    [post] = peer.posts
    assert answer.status == 202
    assert answer.seconds > 0
    assert post.path == "/callback"
    assert post.headers["user-agent"] == "Microsoft-Skype/3.0,(Calling/1.0)"
    assert post.headers["x-microsoft-skype-chain-id"] == post.headers["scenario-id"] == CHAIN
    assert post.headers["x-microsoft-skype-message-id"] == answer.message_id
    assert post.headers["connection"] == "close"
    assert verified(issuer, token(post))


def test_content_types_vary_with_the_encoding(issuer: Issuer, peer: Peer) -> None:
    one = sender(peer.url, issuer)
    for _ in range(40):
        one.send(BODY, chain_id=CHAIN)
    types = {post.headers["content-type"] for post in peer.posts}
    assert types == {
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=Windows-1252",
    }
    for post in peer.posts:
        charset = "cp1252" if "1252" in post.headers["content-type"] else "utf-8"
        assert json.loads(post.body.decode(charset)) == BODY


def test_no_envelope_is_an_empty_body(issuer: Issuer, peer: Peer) -> None:
    assert sender(peer.url, issuer).send(None, chain_id=CHAIN).status == 202
    assert peer.posts[0].body == b""
    assert peer.posts[0].headers["content-length"] == "0"


def test_a_token_is_reused_for_a_few_minutes(key_file: Path, peer: Peer) -> None:
    clock = Clock()
    one = sender(peer.url, Issuer(key_file, clock=clock), clock=clock)
    for clock.now in (0, 200, 241):
        one.send(BODY, chain_id=CHAIN)
    first, second, third = map(token, peer.posts)
    assert first == second != third


def test_after_a_rotation_the_new_key_signs(issuer: Issuer, peer: Peer) -> None:
    one = sender(peer.url, issuer)
    one.send(BODY, chain_id=CHAIN)
    one.rotate_key()
    one.send(BODY, chain_id=CHAIN)
    before, after = (jwt.get_unverified_header(token(post))["kid"] for post in peer.posts)
    assert before != after == issuer.key.kid


@pytest.mark.parametrize("kind", [kind for kind in TokenKind if kind.expected_statuses == {401}])
def test_a_forged_token_of_each_kind_is_sent(issuer: Issuer, peer: Peer, kind: TokenKind) -> None:
    sender(peer.url, issuer, kind=kind).send(BODY, chain_id=CHAIN)
    with pytest.raises(jwt.InvalidTokenError):
        verified(issuer, token(peer.posts[0]))


def test_a_post_is_not_retried_by_default(issuer: Issuer, peer: Peer) -> None:
    peer.answer = lambda post: (503, {"Retry-After": "1"}, b'{"title": "x", "detail": "No store."}')
    answer = sender(peer.url, issuer).send(BODY, chain_id=CHAIN)
    assert (answer.status, answer.detail, answer.attempts) == (503, "No store.", 1)
    assert len(peer.posts) == 1


def test_retries_of_a_503_obey_retry_after(issuer: Issuer, peer: Peer) -> None:
    pauses: list[float] = []
    peer.answer = lambda post: (503, {"Retry-After": "2"}, b"") if len(peer.posts) < 3 else (202, {}, b"")
    answer = sender(peer.url, issuer, retries=5, sleep=pauses.append).send(BODY, chain_id=CHAIN)
    assert (answer.status, answer.attempts) == (202, 3)
    assert pauses == [2, 2]
    assert len({post.headers["x-microsoft-skype-message-id"] for post in peer.posts}) == 1


def test_retries_are_bounded(issuer: Issuer, peer: Peer) -> None:
    peer.answer = lambda post: (503, {"Retry-After": "3600"}, b"not json")
    pauses: list[float] = []
    answer = sender(peer.url, issuer, retries=2, sleep=pauses.append).send(BODY, chain_id=CHAIN)
    assert (answer.status, answer.attempts, answer.detail) == (503, 3, "")
    assert pauses == [5, 5]


@pytest.mark.parametrize("status", [202, 204, 307, 400, 401, 500])
def test_other_statuses_are_not_retried(issuer: Issuer, peer: Peer, status: int) -> None:
    peer.answer = lambda post: (status, {"Location": "/elsewhere"}, b"")
    answer = sender(peer.url, issuer, retries=3).send(BODY, chain_id=CHAIN)
    assert (answer.status, answer.attempts) == (status, 1)


def test_no_response_has_its_reason(issuer: Issuer) -> None:
    answer = sender(closed_port(), issuer, retries=1, sleep=lambda seconds: None).send(BODY, chain_id=CHAIN)
    assert answer.status is None
    assert "refused" in answer.detail
    assert answer.attempts == 2
