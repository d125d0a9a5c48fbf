import json
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import urllib3

from receiver.graph.call_notifications import read_notification
from receiver.graph.updates import OperationUpdate
from receiver.simulator.invitations import INVITATION_RESULTS, choose_result
from receiver.simulator.invite_api import InviteAPI
from receiver.simulator.issuer import Issuer
from receiver.simulator.notification_sender import Sender
from tests.simulator.peer import Peer
from tests.simulator.verifying import APP, TENANT, verified

CALL = "57dab8b1-894c-409a-b240-bd8beae78896"
PARTICIPANT = {"identity": {"phone": {"id": "+12065550100"}}, "replacesCallId": "a-call"}
INVITATION = {"participants": [PARTICIPANT], "clientContext": "invite-1"}

MakeAPI = Callable[..., InviteAPI]


@pytest.fixture
def make_api(peer: Peer, issuer: Issuer) -> MakeAPI:
    def make(outcome: str | None = "completed", speed: float = 0, seed: int = 1) -> InviteAPI:
        sender = Sender(peer.url, issuer, audience=APP, tenant_id=TENANT)
        return InviteAPI(sender, Random(seed), outcome=outcome, speed=speed, on_posted=lambda *_: None)

    return make


def invite(api: InviteAPI, body: object = INVITATION, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request(
        "POST",
        f"{api.url}/communications/calls/{CALL}/participants/invite",
        body=body if isinstance(body, bytes) else json.dumps(body),
        headers={"Authorization": "Bearer any", **headers},
    )


def posted(peer: Peer, count: int = 1) -> list[Any]:
    deadline = time.monotonic() + 10
    while len(peer.posts) < count:
        assert time.monotonic() < deadline, peer.posts
        time.sleep(0.005)
    return [json.loads(post.body.decode("utf-8", "replace"))["value"][0] for post in peer.posts]


def test_the_response_is_a_running_operation(make_api: MakeAPI) -> None:
    with make_api() as api:
        answer = invite(api)
    operation = answer.json()
    assert answer.status == 200
    assert answer.headers["Location"] == f"{api.url}/communications/calls/{CALL}/operations/{operation['id']}"
    assert operation == {
        "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
        "id": operation["id"],
        "status": "Running",
        "clientContext": "invite-1",
        "resultInfo": None,
        "participants": [
            {
                "endpointType": None,
                "id": None,
                "replacesCallId": "a-call",
                "identity": {
                    "user": None,
                    "application": None,
                    "device": None,
                    "phone": {"id": "+12065550100"},
                },
            }
        ],
    }


@pytest.mark.parametrize("outcome", INVITATION_RESULTS)
def test_the_result_is_posted_later(make_api: MakeAPI, peer: Peer, issuer: Issuer, outcome: str) -> None:
    with make_api(outcome) as api:
        operation_id = invite(api).json()["id"]
        [item] = posted(peer)
    [post] = peer.posts
    assert verified(issuer, post.headers["authorization"].split()[1])["aud"] == APP
    assert item["changeType"].lower() == "deleted"
    assert "replacesCallId" not in json.dumps(item), "the result is poorer than the answer"
    [update] = read_notification(json.loads(post.body), TENANT).updates
    assert isinstance(update, OperationUpdate)
    assert (update.client_context, update.call_id, update.operation_id) == ("invite-1", CALL, operation_id)
    expected = INVITATION_RESULTS[outcome]
    assert update.status == expected.status
    info = json.loads(update.members["resultInfo"])
    assert (info["code"], info["subcode"]) == (expected.code, expected.subcode)
    assert ("+12065550100" in info["message"]) == (expected.status == "failed")
    assert "{}" not in info["message"]


def test_every_invitation_has_an_operation_of_its_own(make_api: MakeAPI, peer: Peer) -> None:
    with make_api(None) as api:
        answered = {invite(api).json()["id"] for _ in range(5)}
        posted(peer, 5)
    assert len(answered) == 5


def test_without_an_outcome_every_result_occurs() -> None:
    random = Random(1)
    chosen = {choose_result(random) for _ in range(200)}
    assert chosen == set(INVITATION_RESULTS.values())


@pytest.mark.parametrize(("outcome", "speed"), [("never", 0), ("unanswered", 1)])
def test_a_result_that_is_not_due_is_not_posted(
    make_api: MakeAPI, peer: Peer, outcome: str, speed: float
) -> None:
    with make_api(outcome, speed) as api:
        assert invite(api).status == 200
        time.sleep(0.2)
    assert peer.posts == []


def test_a_result_without_a_client_context_has_none(make_api: MakeAPI, peer: Peer) -> None:
    user = {"identity": {"user": {"id": "278405a3-f568-4b3e-b684-009193463064"}}}
    with make_api("unanswered") as api:
        assert invite(api, {"participants": [user, PARTICIPANT | {"replacesCallId": None}]}).status == 200
        [item] = posted(peer)
    assert "clientContext" not in item["resourceData"]
    assert len(item["resourceData"]["participants"]) == 2
    assert "8:orgid:278405a3" in item["resourceData"]["resultInfo"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        {},
        {"participants": []},
        {"participants": [PARTICIPANT] * 6},
        {"participants": [PARTICIPANT] * 2},
        {"participants": [{}]},
        {"participants": ["x"]},
        {**INVITATION, "clientContext": "x" * 257},
        {**INVITATION, "clientContext": 1},
    ],
)
def test_a_malformed_invitation_is_refused(make_api: MakeAPI, peer: Peer, body: object) -> None:
    with make_api() as api:
        answer = invite(api, body)
        assert (answer.status, answer.json()["error"]["code"]) == (400, "BadRequest")
        assert invite(api).status == 200
        posted(peer)
    assert len(peer.posts) == 1


def test_other_requests_are_refused(make_api: MakeAPI, peer: Peer) -> None:
    with make_api() as api:
        assert invite(api, Authorization="").json()["error"]["code"] == "InvalidAuthenticationToken"
        headers = {"Authorization": "Bearer any"}
        for path in ("/communications/calls", f"/communications/calls/{CALL}/participants/invite"):
            assert urllib3.request("GET", api.url + path, headers=headers).status == 404
        too_long = {"Content-Length": str(1 << 21), **headers}
        address = f"{api.url}/communications/calls/{CALL}/participants/invite"
        assert urllib3.request("POST", address, headers=too_long, retries=False).status == 413
    assert peer.posts == []
