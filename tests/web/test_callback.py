"""`POST /callback` over real HTTP, with real signed tokens."""

import json

import pytest

from tests.support.notifications import (
    CALL,
    JOINING,
    OPERATION,
    call,
    delta,
    item,
    operation,
    participant,
    roster,
)
from tests.support.service import APP_ID, CLIENT_STATE, TENANT, WRITE, Service
from tests.support.stores import StoreServer


def test_completed_invitation_is_stored_and_returned(service: Service) -> None:
    participants = [{"identity": {"user": {"id": "u", "displayName": "Ann"}}}]
    answer = service.call_back(
        operation(participants=participants, resultInfo={"code": "200", "subcode": "0"})
    )
    assert (answer.status, answer.body) == (202, b"")
    found = service.get("/operations/invite-1")
    assert found.status == 200
    response = found.json
    at = response["updated"]
    assert response == {
        "clientContext": "invite-1",
        "callId": CALL,
        "operationId": OPERATION,
        "tenantId": TENANT,
        "type": "inviteParticipantsOperation",
        "status": "completed",
        "done": True,
        "operation": {
            "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
            "id": OPERATION,
            "clientContext": "invite-1",
            "status": "completed",
            "participants": participants,
            "resultInfo": {"code": 200, "subcode": 0},
        },
        "timeline": [{"status": "completed", "at": at}],
        "firstSeen": at,
        "updated": at,
        "revision": 1,
        "notifications": 1,
        "duplicates": 0,
        "conflict": None,
        "result": {"code": 200, "subcode": 0, "text": "Succeeded"},
        "due": None,
        "overdue": False,
        "others": 0,
    }


def test_callback_address_may_contain_the_app_id(service: Service) -> None:
    assert service.call_back(operation(), path=f"/callback/{APP_ID.upper()}").status == 202
    other = service.call_back(operation(), path="/callback/99999999-2222-3333-4444-555555555555")
    assert (other.status, other.problem) == (404, "unknown-app")


@pytest.mark.parametrize("path", ["/callback/", f"/callback/{APP_ID}/"])
def test_callback_with_trailing_slash_is_accepted(service: Service, path: str) -> None:
    assert service.call_back(operation(), path=path).status == 202
    assert service.get("/operations/invite-1").json["done"]
    handshake = service.request("POST", f"{path}?validationToken=a%20b", key=None)
    assert (handshake.status, handshake.body) == (200, b"a b")


def test_notifications_with_trailing_slash_are_accepted(service: Service) -> None:
    taken = service.request("POST", "/notifications/", key=None, body={"value": [change(resource="r")]})
    assert taken.status == 202
    assert len(service.get("/notifications").json["notifications"]) == 1
    assert service.request("POST", "/notifications/?validationToken=x", key=None).body == b"x"


def test_post_with_items_of_every_kind_stores_all(service: Service) -> None:
    items = [operation(cc=f"cc-{n}", op=f"{n:08}-d628-42ed-b4bd-8ac290072cc5") for n in range(250)]
    others = [call("established"), roster({"id": None, "isMuted": True}), 17, {"resourceUrl": "/nowhere"}]
    assert service.call_back(*items, *others).status == 202
    assert service.get("/operations/cc-249").json["status"] == "completed"
    response = service.get(f"/calls/{CALL}").json
    assert (response["state"], len(response["operations"]), response["roster"][0]["isMuted"]) == (
        "established",
        250,
        True,
    )
    assert len(service.get("/quarantine", key=WRITE).json["items"]) == 2


def test_response_has_the_ids_of_the_request(service: Service) -> None:
    answer = service.call_back(
        operation(),
        headers={"X-Microsoft-Skype-Message-ID": "12345678-aaaa", "X-Request-ID": "from-the-router"},
    )
    assert answer.headers["client-request-id"] == "12345678-aaaa"
    assert answer.headers["X-Request-ID"] == "from-the-router"
    odd = service.get("/livez", headers={"X-Request-ID": "a b <script>"})
    assert odd.headers["X-Request-ID"] != "a b <script>"


@pytest.mark.parametrize("path", ["/callback", "/notifications"])
def test_validation_request_gets_the_decoded_token(service: Service, path: str) -> None:
    sent = "Validation%3a+Testing+client%20application+reachability%3cscript%3e"
    answer = service.request("POST", f"{path}?validationToken={sent}", key=None)
    assert (answer.status, answer.body) == (
        200,
        b"Validation: Testing client application reachability<script>",
    )
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_empty_body_is_accepted(service: Service) -> None:
    assert service.call_back(body=b"").status == 202
    assert service.call_back(body=b" \n").status == 202


def test_old_skype_format_is_answered_204(service: Service, store: StoreServer) -> None:
    assert service.call_back(body={"callState": "incoming", "id": "x"}).status == 204
    assert store.client.keys() == []


def test_item_of_another_resource_is_accepted_and_ignored(service: Service, store: StoreServer) -> None:
    url = f"/communications/calls/{CALL}/contentsharingsessions"
    assert (
        service.call_back(item(url, [{"@odata.type": "#microsoft.graph.contentSharingSession"}])).status
        == 202
    )
    assert store.client.keys() == []


def change(**members: object) -> dict[str, object]:
    return {"subscriptionId": "s-1", "clientState": CLIENT_STATE, "changeType": "created", **members}


def notify(service: Service, *items: object) -> int:
    return service.request("POST", "/notifications", key=None, body={"value": list(items)}).status


def test_change_notification_with_client_state_is_listed(service: Service) -> None:
    assert (
        notify(service, change(resource="communications/callRecords/1"), change(clientState="wrong")) == 202
    )
    assert notify(service, change(resource="communications/callRecords/2")) == 202
    [newest, oldest] = service.get("/notifications").json["notifications"]
    assert newest["notification"]["resource"] == "communications/callRecords/2"
    assert "clientState" not in oldest["notification"]
    assert CLIENT_STATE not in str(service.get("/notifications").body)


@pytest.mark.parametrize("state", [None, 5, ["a"], "", CLIENT_STATE + " ", "clientstate", "\udcff"])
def test_item_without_known_client_state_is_ignored(service: Service, state: object) -> None:
    assert notify(service, change(clientState=state), 7) == 202
    assert service.get("/notifications").json["notifications"] == []
    assert service.get("/quarantine", key=WRITE).json["items"] == []


def test_lifecycle_notification_is_logged_with_advice(service: Service) -> None:
    service.request(
        "POST",
        "/notifications",
        key=None,
        body={"value": [{**change(), "changeType": None, "lifecycleEvent": "reauthorizationRequired"}]},
        headers={"X-Request-ID": "lifecycle-test"},
    )
    [line] = [
        line for line in service.log.splitlines() if "lifecycle-test" in line and "lifecycle_event=" in line
    ]
    assert "level=warning" in line
    assert "reauthorize the subscription now" in line


def test_encrypted_item_is_quarantined(service: Service) -> None:
    encrypted = {"data": "x", "dataKey": "y", "encryptionCertificateId": "z"}
    assert notify(service, change(encryptedContent=encrypted)) == 202
    [entry] = service.get("/quarantine", key=WRITE).json["items"]
    assert entry["contract"] == "notifications"
    assert "encrypted" in entry["reason"]
    assert entry["item"]["encryptedContent"]["data"] == "[redacted]"
    replayed = service.request("POST", f"/quarantine/{entry['id']}/replay", key=WRITE)
    assert (replayed.status, replayed.problem) == (409, "still-unreadable")


def test_participant_notification_is_stored_with_its_call(service: Service) -> None:
    """Microsoft's documentation shows it as the resource of an item; it may be the whole body, too."""
    left = {**JOINING, "@odata.type": "#microsoft.graph.participantLeftNotification", "participantId": "p1"}
    assert service.call_back(item(f"/communications/calls/{CALL}", JOINING, "created")).status == 202
    assert service.call_back(body=left).status == 202
    found = service.get(f"/calls/{CALL}").json
    assert found["participantNotifications"] == [JOINING, left]
    assert (found["state"], found["notifications"]) == (None, 2)


def test_roster_merges_deltas_and_single_participants(service: Service) -> None:
    info = {"identity": {"user": {"displayName": "Ann"}}}
    service.call_back(delta(1, {"id": "a", "info": info}, {"id": "b"}), delta(3, {"id": "c"}))
    service.call_back(item(f"/app/calls('{CALL}')/participants('b')", None, "deleted"))
    service.call_back(delta(2, {"id": "d", "isInLobby": True}))
    shown = service.get(f"/calls/{CALL}").json["roster"]
    assert sorted(one["id"] for one in shown) == ["a", "c", "d"]
    assert {one["id"]: one.get("info") for one in shown}["a"] == info


def test_roster_of_a_thousand_participants_is_accepted(service: Service) -> None:
    people = [participant(number) for number in range(1, 1001)]
    indented = json.dumps({"value": [roster(*people)]}, indent=2).encode()
    assert len(indented) > 2_000_000
    assert service.call_back(body=indented).status == 202
    assert service.get(f"/calls/{CALL}").json["roster"] == people
