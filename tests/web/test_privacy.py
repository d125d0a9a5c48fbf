"""Secrets and personal data in responses by scope, and what a deletion leaves in the store."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.listening import Listener
from tests.support.notifications import CALL, OPERATION, call, item, operation, roster
from tests.support.service import ALL, CLIENT_STATE, READ, WRITE, Service
from tests.support.stores import StoreServer

NAME, NUMBER, USER = "Zoë Example", "+15550123456", "8:orgid:0d7664b6"
ANN = {"identity": {"user": {"id": USER, "displayName": NAME}, "phone": {"id": NUMBER}}}
OTHER_CALL = "77dab8b1-894c-409a-b240-bd8beae78896"


def quarantine(service: Service) -> int:
    return len(service.get("/quarantine?limit=200", key=WRITE).json["items"])


# Secrets


def test_secrets_are_returned_for_the_scope_secrets_only(service: Service) -> None:
    record = {"type": "recordOperation", "recordingLocation": "https://recordings.test/1"}
    with Listener(service) as listener:
        service.call_back(
            operation(
                **record, recordingAccessToken="secret-1", inner={"deep": [{"accessToken": "secret-2"}]}
            ),
            operation(**record, status="failed", recordingAccessToken="secret-3"),
            call(meetingInfo={"token": "secret-4", "x": 1}, source={"replacesContext": "secret-5"}),
            roster({"info": {"replacementLink": "secret-6"}}),
            operation(cc="odd", resultInfo="odd", recordingAccessToken="secret-7"),
        )
        encrypted = {"encryptedContent": {"data": "secret-8"}, "clientState": CLIENT_STATE}
        plain = {"subscriptionId": "s-1", "clientState": CLIENT_STATE, "token": "secret-9"}
        body = {"value": [plain, {**plain, **encrypted}]}
        assert service.request("POST", "/notifications", key=None, body=body).status == 202
        assert "secret-" not in str(listener.wait_for(3))
    full = service.get("/operations/invite-1", key=ALL)
    assert full.json["operation"]["recordingAccessToken"] == "secret-1"
    assert full.json["conflict"]["operation"]["recordingAccessToken"] == "secret-3"
    one = {"/operations/invite-1", "/operations/invite-1?wait=1", f"/calls/{CALL}/operations/{OPERATION}"}
    several = {"/operations", f"/calls/{CALL}", "/notifications", "/quarantine"}
    pages = {"/", "/view/operation/1", f"/view/call/{CALL}", "/view/quarantine"}
    session = {"Cookie": signed_in(service, ALL)}
    for path in one | several | pages:
        for answer in (service.get(path, key=ALL), service.get(path, key=None, headers=session)):
            assert answer.status == 200
            assert answer.body.count(b"secret-") == (3 if path in one else 0), path
        assert b"secret-" not in service.get(path, key=READ).body
    put = service.request("PUT", "/operations/invite-1", key=ALL)
    assert (put.status, put.body.count(b"secret-")) == (200, 0)
    assert "secret-" not in service.log


HIDDEN_FROM_READERS = [
    "secret-passcode",
    "secret-query",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.secret-signature",
    "secret-link",
    "secret-in-json",
    "secret-password",
    "secret-key",
    "secret-join",
]


def test_read_key_gets_no_secret_in_any_form(service: Service) -> None:
    passcode, query, jwt, store_client, in_json, password, key, join = HIDDEN_FROM_READERS
    info = {"joinMeetingId": "1234567", "passcode": passcode, "joinWebUrl": f"https://x/?p={join}&a=b"}
    secret: dict[str, Any] = {
        "resultInfo": {"code": 200, "message": f"see {jwt}"},
        "transferReplacementLink": store_client,
        "metadata": json.dumps({"accessToken": in_json}),
        "inner": {"headers": [{"name": "X-Api-Key", "value": key}], "userPassword": password},
    }
    with Listener(service) as listener:
        service.call_back(
            call(callbackUri=f"https://bot.test/cb?a={query}", meetingInfo=info, **secret),
            roster({"info": {"identity": {"user": {"displayName": f"Bearer {jwt}"}}}, **secret}),
            operation(**secret),
            operation(status="failed", **secret),
        )
        change(service, f"/users/1?token={query}", f"passcode: {passcode}")
        response = str(listener.wait_for(3))
    places = {"events": response}
    paths = "/operations/invite-1", f"/calls/{CALL}/operations/{OPERATION}", "/operations", "/notifications"
    pages = "/", "/view/operation/1", f"/view/call/{CALL}"
    for path in (*paths, f"/calls/{CALL}", *pages):
        answer = service.get(path)
        assert answer.status == 200, path
        places[path] = answer.body.decode()
    for place, text in places.items():
        assert not [one for one in HIDDEN_FROM_READERS if one in text], place
    assert "1234567" in places[f"/calls/{CALL}"]
    assert service.get("/operations/invite-1", key=ALL).json["operation"] == {
        "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
        "id": OPERATION,
        "clientContext": "invite-1",
        "status": "completed",
        **secret,
    }


def signed_in(service: Service, key: str) -> str:
    form = urlencode({"key": key}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = service.request("POST", "/sign-in", key=None, body=form, headers=headers)
    return answer.headers["Set-Cookie"].partition(";")[0]


def test_quarantine_is_listed_without_personal_data(service: Service) -> None:
    service.call_back(
        operation(cc="odd", resultInfo=NAME, participants=[ANN]),
        item(f"/communications/calls/{CALL}?{NAME}", {"@odata.type": "x", NAME: [NUMBER, 15550123456]}),
        NAME,
    )
    entries = service.get("/quarantine", key=WRITE).body.decode()
    assert json.loads(entries)["items"]
    for personal in (NUMBER, NUMBER[1:], USER, json.dumps(USER), NAME.partition(" ")[2]):
        assert personal not in entries
    page = service.get("/view/quarantine", key=None, headers={"Cookie": signed_in(service, ALL)})
    assert page.status == 200
    assert "odd" in page.body.decode()
    assert NUMBER[1:] not in page.body.decode()


# Forgetting


@pytest.mark.parametrize(
    "name", ["invite-1", "Zoë/Ann:{0}*", 'a"\\\n\x00\x1f\x7fz', "👋🏽", "None", "clientContext"]
)
def test_deleted_operation_leaves_nothing_in_the_store(
    service: Service, store: StoreServer, name: str
) -> None:
    path = f"/operations/{quote(name, safe='')}"
    mine = operation(cc=name, participants=[ANN], resultInfo={"message": NUMBER})
    broken = operation(cc=name, resultInfo=NUMBER, participants=[ANN])
    deep: object = name
    for _ in range(150):
        deep = [deep]
    assert service.request("PUT", path, key=WRITE, body={"id": OPERATION}).status == 201
    service.call_back(
        mine,
        operation(cc=name, op="", call=OTHER_CALL, participants=[ANN]),
        operation(cc=name, status="failed", participants=[ANN, ANN]),
        broken,
        operation(cc=name, odd=deep, participants=[ANN]),
        {**broken, "resourceData": [{}, broken["resourceData"]]},
        {**broken, "subscriptionId": "s-1"},
    )
    assert service.call_back(body={"value": broken}).status == 400
    assert service.call_back(body={"value": {"inner": [mine]}}).status == 400
    others = operation(cc="other", resultInfo="odd", named=name), operation(cc=f"{name}2", resultInfo="odd")
    service.call_back(*others, operation(cc=f"{name}2", op="99999999-d628-42ed-b4bd-8ac290072cc5"))
    assert quarantine(service) == 8
    assert service.request("DELETE", path, key=WRITE).status == 204
    left = store.contents()
    for personal in (NAME, NUMBER, USER):
        assert personal not in str(left)
    assert not [key for key, text in left.items() if OPERATION in key + text and "quarantine" not in key]
    assert f"receiver:{{0}}:cc:{name}" not in left
    assert f"receiver:{{0}}:open:{name}" not in left
    assert service.get(path).status == 404
    assert service.request("DELETE", path, key=WRITE).status == 404
    assert quarantine(service) == 2, "what only looks like it stays"
    assert service.get(f"/operations/{quote(name + '2', safe='')}").json["done"]
    with Listener(service, last_id="0-0") as listener:
        [response] = listener.wait_for(1)
        assert response.data["clientContext"] == f"{name}2", "the feed no longer has it"


def test_deleted_call_leaves_nothing_in_the_store(service: Service, store: StoreServer) -> None:
    undashed = CALL.replace("-", "").upper()
    service.call_back(
        call("established", source=ANN, subject=NAME),
        roster({"info": ANN, "id": USER}),
        *(
            operation(cc=f"cc-{n}", op=f"{n:08}-d628-42ed-b4bd-8ac290072cc5", participants=[ANN])
            for n in range(250)
        ),
        operation(cc=None, participants=[ANN]),
        operation(cc="no-id", op="", participants=[ANN]),
        operation(cc="odd", resultInfo=NUMBER),
        item(f"communications/calls/{undashed}/operations/x", [NUMBER]),
        item(f"/app/calls/{undashed}", {"@odata.type": "#microsoft.graph.call", "state": [NAME]}),
    )
    assert service.call_back(body={"value": call(subject=NAME)}).status == 400
    change(service, f"/communications/calls/{CALL}", NAME)
    change(service, f"communications/calls('{undashed}')/participants", NAME)
    change(service, f"/communications/calls/{OTHER_CALL}", "other")
    elsewhere = f"/communications/calls/{OTHER_CALL}/operations/{OPERATION}"
    service.call_back(
        operation(cc="cc-1", call=OTHER_CALL),
        operation(cc="other", call=f"{CALL}0", op="x", resultInfo="odd"),
        item(elsewhere, {"@odata.type": "#microsoft.graph.commsOperation", "resultInfo": "odd", "see": CALL}),
    )
    assert quarantine(service) == 6
    assert service.request("DELETE", f"/calls/{undashed}", key=WRITE).status == 204
    left = store.contents()
    for personal in (NAME, NUMBER, USER, "cc-2", "no-id"):
        assert personal not in str(left)
    quarantined = left.pop("receiver:{0}:quarantine")
    assert quarantined.count(CALL) == 2, "what only looks like it"
    for written in (f"{CALL} ", f'{CALL}"', undashed):
        assert written not in " ".join(f"{key} {text} " for key, text in left.items())
    assert [one["notification"]["name"] for one in service.get("/notifications").json["notifications"]] == [
        "other"
    ]
    assert service.get(f"/calls/{CALL}").status == 404
    assert service.request("DELETE", f"/calls/{CALL}", key=WRITE).status == 404
    assert service.get("/operations/cc-1").json["callId"] == OTHER_CALL, "another call of the same name stays"
    assert service.get("/operations/cc-1").json["others"] == 0
    assert quarantine(service) == 2, "what only looks like it stays"


def change(service: Service, resource: str, name: str) -> None:
    members = {"subscriptionId": "s-1", "clientState": CLIENT_STATE, "changeType": "updated", "name": name}
    body = {"value": [{**members, "resource": resource, "resourceData": {"id": resource}}]}
    assert service.request("POST", "/notifications", key=None, body=body).status == 202


def test_deleting_an_operation_keeps_call_and_roster(service: Service) -> None:
    service.call_back(call("established"), roster({"info": ANN}), operation(participants=[ANN]))
    assert service.request("DELETE", "/operations/invite-1", key=WRITE).status == 204
    response = service.get(f"/calls/{CALL}").json
    assert (response["operations"], response["roster"][0]["info"]) == ([], ANN)
    assert service.request("DELETE", f"/calls/{CALL}", key=WRITE).status == 204
    assert service.get(f"/calls/{CALL}").status == 404
