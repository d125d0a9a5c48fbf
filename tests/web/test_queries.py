"""Queries of operations, calls and the quarantine, over real HTTP."""

import json
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import pytest

from tests.support.notifications import CALL, OPERATION, call, operation
from tests.support.service import ALL, READ, WRITE, Service
from tests.support.service_fixtures import Start
from tests.support.stores import StoreServer

STRANGE = [
    "a/b:c*{d}",
    "/leading",
    "trailing/",
    "zeile\nzeile",
    "👋🏽",
    "None",
    " ",
    "a?b=c&d#e%2F",
    "x" * 256,
]


@pytest.mark.parametrize("name", STRANGE)
def test_any_client_context_works_on_every_route(service: Service, name: str) -> None:
    path = f"/operations/{quote(name, safe='')}"
    assert service.call_back(operation(cc=name)).status == 202
    assert service.get(path).json["clientContext"] == name
    assert service.request("PUT", path, key=WRITE).status == 200
    assert (
        service.get(f"/operations?clientContext={quote(name)}").json["operations"][0]["clientContext"] == name
    )
    assert service.request("DELETE", path, key=WRITE).status == 204
    gone = service.get(path)
    assert (gone.status, gone.problem) == (404, "operation-not-found")
    assert service.request("DELETE", path, key=WRITE).status == 404


def test_client_context_of_dots_is_valid(service: Service) -> None:
    service.call_back(operation(cc=".."))
    connection = HTTPConnection("127.0.0.1", service.port)  # which leaves the path as it is
    connection.request("GET", "/operations/%2E%2E", headers={"Authorization": f"Bearer {READ}"})
    assert json.loads(connection.getresponse().read())["clientContext"] == ".."
    connection.close()


@pytest.mark.parametrize("name", ["x" * 257, "👋" * 300])
def test_too_long_client_context_is_rejected(service: Service, name: str) -> None:
    path = f"/operations/{quote(name, safe='')}"
    refused = service.request("PUT", path, key=WRITE, body={})
    assert (refused.status, refused.problem) == (400, "invalid-request")
    assert "256" in refused.json["detail"]
    assert service.get(path).status == 404
    assert service.call_back(operation(cc=name), operation(cc="other")).status == 202
    assert service.get("/operations/other").status == 200
    [entry] = service.get("/quarantine", key=WRITE).json["items"]
    assert "`clientContext` must have at most 256 characters" in entry["reason"]


def test_registered_operation_is_completed_by_its_notification(service: Service) -> None:
    response = {
        "@odata.type": "#microsoft.graph.inviteParticipantsOperation",
        "id": OPERATION,
        "status": "Running",
        "clientContext": "invite-1",
        "resultInfo": None,
    }
    created = service.request("PUT", "/operations/invite-1", key=ALL, body=response)
    assert (created.status, created.headers["Location"]) == (201, "/operations/invite-1")
    assert (created.json["status"], created.json["done"], created.json["callId"]) == ("running", False, None)
    assert created.headers["Retry-After"]
    assert service.request("PUT", "/operations/invite-1", key=WRITE, body=response).status == 200
    service.call_back(operation())
    returned = service.get("/operations/invite-1")
    assert (returned.json["status"], returned.json["callId"], returned.json["notifications"]) == (
        "completed",
        CALL,
        1,
    )
    assert "Retry-After" not in returned.headers
    assert (
        service.request("PUT", "/operations/invite-1", key=WRITE, body=response).json["status"] == "completed"
    )


def test_registration_without_body_may_name_the_call(service: Service) -> None:
    assert service.request("PUT", "/operations/early", key=WRITE).status == 201
    assert service.get("/operations/early").json["status"] is None
    assert (
        service.request("PUT", f"/operations/with-call?callId={CALL.upper()}", key=WRITE, body={}).status
        == 201
    )
    assert service.get(f"/calls/{CALL}").json["operations"][0]["clientContext"] == "with-call"


@pytest.mark.parametrize(
    "body", [[], 5, "x", {"clientContext": "another"}, {"status": 5}, {"clientContext": 7}, {"id": {}}]
)
def test_registration_of_another_operation_is_rejected(service: Service, body: object) -> None:
    refused = service.request("PUT", "/operations/invite-1", key=WRITE, body=body)
    assert (refused.status, refused.problem) == (400, "invalid-operation")
    assert service.get("/operations/invite-1").status == 404


def test_etag_gives_304_until_the_operation_changes(service: Service) -> None:
    service.call_back(operation(status="running"))
    etag = service.get("/operations/invite-1").headers["ETag"]
    same = service.get("/operations/invite-1", headers={"If-None-Match": etag})
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", etag)
    service.call_back(operation(status="running"))
    assert service.get("/operations/invite-1", headers={"If-None-Match": etag}).status == 304, "a duplicate"
    service.call_back(operation())
    assert service.get("/operations/invite-1", headers={"If-None-Match": etag}).status == 200


def test_operations_of_a_client_context_have_different_etags(service: Service) -> None:
    service.call_back(operation(op="aaaaaaaa-d628-42ed-b4bd-8ac290072cc5"))
    etag = service.get("/operations/invite-1").headers["ETag"]
    service.call_back(operation(op="bbbbbbbb-d628-42ed-b4bd-8ac290072cc5"))
    returned = service.get("/operations/invite-1", headers={"If-None-Match": etag})
    assert (returned.status, returned.json["others"]) == (200, 1)
    listed = service.get("/operations?clientContext=invite-1").json["operations"]
    assert [one["operationId"][:8] for one in listed] == ["bbbbbbbb", "aaaaaaaa"]


def test_conflicting_result_is_returned(service: Service) -> None:
    service.call_back(operation(resultInfo={"code": 200, "subcode": 0}))
    service.call_back(operation(status="failed", resultInfo={"code": 408, "subcode": 10057}))
    returned = service.get("/operations/invite-1").json
    assert (returned["status"], returned["conflict"]["status"]) == ("completed", "failed")
    assert returned["conflict"]["operation"]["resultInfo"]["code"] == 408


def test_operation_without_client_context_is_found_by_ids(service: Service) -> None:
    service.call_back(operation(cc=None))
    undashed = OPERATION.replace("-", "").upper()
    returned = service.get(f"/calls/{CALL.upper()}/operations/{undashed}").json
    assert (returned["clientContext"], returned["status"]) == (None, "completed")
    assert service.get("/operations/None").status == 404
    missing = service.get(f"/calls/{CALL}/operations/unknown")
    assert (missing.status, missing.problem) == (404, "operation-not-found")


def test_call_is_returned_with_state_and_operations(service: Service) -> None:
    service.call_back(
        call("established", direction="outgoing"), operation(), call(None, change_type="deleted")
    )
    returned = service.get(f"/calls/{CALL}").json
    assert (returned["state"], returned["ended"], returned["call"]["direction"]) == (
        "terminated",
        True,
        "outgoing",
    )
    assert [step["state"] for step in returned["timeline"]] == ["established", "terminated"]
    assert returned["operations"][0]["clientContext"] == "invite-1"
    missing = service.get("/calls/unknown")
    assert (missing.status, missing.problem) == (404, "call-not-found")


def _fill(service: Service) -> None:
    for n in range(7):
        service.call_back(
            operation(
                cc=f"cc-{n}",
                op=f"{n:08}-d628-42ed-b4bd-8ac290072cc5",
                type="playPromptOperation" if n % 2 else "inviteParticipantsOperation",
                status="failed" if n == 3 else "completed",
                call=CALL if n < 5 else CALL.replace("57", "58"),
            )
        )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [6, 5, 4, 3, 2, 1, 0]),
        ("status=failed", [3]),
        ("status=FAILED", [3]),
        ("type=playPromptOperation", [5, 3, 1]),
        (f"callId={CALL.upper()}", [4, 3, 2, 1, 0]),
        (f"callId={CALL}&type=playPromptOperation&status=completed", [1]),
        ("clientContext=cc-4", [4]),
        ("tenantId=AAAABBBB-0000-cccc-1111-dddd2222eeee", [6, 5, 4, 3, 2, 1, 0]),
        ("tenantId=other", []),
        ("since=2020-01-01T00:00:00Z", [6, 5, 4, 3, 2, 1, 0]),
        ("since=2099-01-01T00:00:00%2B01:00", []),
        ("since=2020-01-01T00:00:00+01:00", [6, 5, 4, 3, 2, 1, 0]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_list_is_filtered_and_paged_newest_first(
    service: Service, query: str, expected: list[int], limit: int
) -> None:
    _fill(service)
    found: list[str] = []
    path = f"/operations?limit={limit}&{query}"
    while path:
        page = service.get(path)
        assert page.status == 200, page.body
        assert len(page.json["operations"]) <= limit
        found += [one["clientContext"] for one in page.json["operations"]]
        store_client = page.headers.get("Link", "")
        assert bool(store_client) == (page.json["next"] is not None)
        path = store_client.partition("<")[2].partition(">")[0]
    assert found == [f"cc-{n}" for n in expected]


def test_update_between_two_pages_repeats_and_hides_nothing(service: Service) -> None:
    _fill(service)
    first = service.get("/operations?limit=3").json
    service.call_back(operation(cc="later", op="99999999-d628-42ed-b4bd-8ac290072cc5"))
    service.call_back(operation(cc="cc-2", op="00000002-d628-42ed-b4bd-8ac290072cc5", extra=1))
    second = service.get(f"/operations?limit=50&cursor={first['next']}").json
    found = [one["clientContext"] for one in first["operations"] + second["operations"]]
    assert found == [f"cc-{n}" for n in range(6, -1, -1)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "from 1 to 200"),
        ("limit=201", "from 1 to 200"),
        ("limit=x", "from 1 to 200"),
        ("cursor=x", "the `next` of the previous page"),
        ("cursor=0", "the `next` of the previous page"),
        ("overdue=maybe", "`true` or `false`"),
        ("since=yesterday", "such as 2026-11-24T12:00:00Z"),
        ("since=2026-01-01", "a time with its offset"),
        ("since=2026-01-01T00:00:00", "The offset is missing"),
        ("since=2026-02-30T00:00:00Z", "does not exist"),
        ("stauts=failed", "It takes `limit`, `cursor`, `clientContext`"),
    ],
)
def test_wrong_query_argument_is_named_with_its_limits(service: Service, query: str, said: str) -> None:
    refused = service.get(f"/operations?{query}")
    assert (refused.status, refused.problem) == (400, "invalid-request")
    name = query.partition("=")[0]
    assert list(refused.json["errors"]) == [name]
    assert said in refused.json["errors"][name][0]
    assert said in refused.json["detail"]
    assert "stauts" not in refused.json["detail"], "the client's text"


@pytest.mark.parametrize("cursor", ["0-0", "00-000", "9999999999999999999-9999999999999999999"])
def test_cursor_at_either_end_of_a_stream_is_valid(service: Service, cursor: str) -> None:
    service.call_back("broken")
    listed = service.get(f"/quarantine?cursor={cursor}", key=WRITE)
    assert (listed.status, len(listed.json["items"])) == (200, 0 if cursor.startswith("0") else 1)
    assert service.get(f"/notifications?cursor={cursor}").status == 200


def test_quarantined_item_is_masked_and_can_be_replayed(service: Service, store: StoreServer) -> None:
    broken = operation(cc="invite-1", resultInfo="+15550100 did not answer")
    assert service.call_back(broken).status == 202
    [entry] = service.get("/quarantine", key=WRITE).json["items"]
    assert entry["reason"] == "The member `resultInfo` must be an object."
    assert b"5550100" not in service.get("/quarantine", key=WRITE).body
    path = f"/quarantine/{entry['id']}/replay"
    refused = service.request("POST", path, key=WRITE)
    assert (refused.status, refused.problem) == (409, "still-unreadable")
    assert len(service.get("/quarantine", key=WRITE).json["items"]) == 1
    # As if a later version could read it: the text in the store is mended.
    name = "receiver:{0}:quarantine"
    [(entry_id, fields)] = store.stream(name)
    store.client.delete(name)
    fields[b"text"] = fields[b"text"].replace(b'"+15550100 did not answer"', b'{"code":408}')
    store.client.xadd(name, fields, id=entry_id)
    replayed = service.request("POST", path, key=WRITE)
    assert (replayed.status, replayed.json["outcomes"]) == (200, ["new"])
    assert service.get("/operations/invite-1").json["operation"]["resultInfo"] == {"code": 408}
    assert service.get("/quarantine", key=WRITE).json["items"] == []
    again = service.request("POST", path, key=WRITE)
    assert (again.status, again.problem) == (404, "quarantine-entry-not-found")


def test_quarantine_is_paged(service: Service) -> None:
    service.call_back(*range(5))
    first = service.get("/quarantine?limit=2", key=WRITE)
    rest = service.get(
        first.headers["Link"].partition("<")[2].partition(">")[0].replace("limit=2", "limit=9"), key=WRITE
    )
    assert (len(first.json["items"]), len(rest.json["items"]), rest.json["next"]) == (2, 3, None)
    odd = service.request("POST", "/quarantine/-/replay", key=WRITE)
    assert (odd.status, odd.problem) == (400, "invalid-request")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/callback"),
        ("PUT", "/callback"),
        ("POST", "/operations/x"),
        ("DELETE", "/operations"),
        ("POST", "/livez"),
    ],
)
def test_wrong_method_gets_the_allowed_ones(service: Service, method: str, path: str) -> None:
    refused = service.request(method, path)
    assert (refused.status, refused.problem) == (405, "method-not-allowed")
    assert refused.headers["Allow"]


@pytest.mark.parametrize("path", ["/nothing", "/operations/", "/callback/a/b", "/calls/"])
def test_unknown_address_is_a_problem_document(service: Service, path: str) -> None:
    missing = service.get(path)
    assert (missing.status, missing.problem) == (404, "not-found")
    assert urlsplit(missing.json["type"]).path == "/problems/not-found"


def test_health_reports_every_check(start: Start) -> None:
    service = start()  # the one that tests share may have skipped records of theirs
    assert service.call_back(operation()).status == 202, "the signing keys are there"
    assert service.get("/livez", key=None).json == {"status": "alive"}
    ready = service.get("/readyz", key=None)
    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert ready.json["checks"] == {
        "store": "ok",
        "spool": "off: set RECEIVER_SPOOL",
        "signingKeys": "ok",
        "loops": "ok",
        "records": "ok",
        "callback": "ok",
        "queries": "ok",
    }
    assert ready.json["spool"] is None


def test_key_with_scope_write_reads_nothing(service: Service) -> None:
    service.call_back(operation(participants=[{"identity": {"user": {"displayName": "Ann"}}}]))
    returned = service.request("PUT", "/operations/invite-1", key=WRITE)
    assert returned.json == {"clientContext": "invite-1", "status": "completed", "done": True}
    assert "participants" in service.request("PUT", "/operations/invite-1", key=ALL).json["operation"]


@pytest.mark.parametrize("entry", ["99999999999999999999-1", "1-99999999999999999999", "x", "1"])
def test_impossible_quarantine_id_is_rejected(service: Service, entry: str) -> None:
    for refused in (
        service.get(f"/quarantine?cursor={entry}", key=WRITE),
        service.request("POST", f"/quarantine/{entry}/replay", key=WRITE),
    ):
        assert (refused.status, refused.problem) == (400, "invalid-request")


def test_truncated_item_is_never_replayed(service: Service) -> None:
    deep: object = "bottom"
    for _ in range(150):
        deep = [deep]
    service.call_back(operation(odd=deep))
    [entry] = service.get("/quarantine", key=WRITE).json["items"]
    refused = service.request("POST", f"/quarantine/{entry['id']}/replay", key=WRITE)
    assert (refused.status, refused.problem) == (409, "still-unreadable")
    assert service.get("/operations/invite-1").status == 404
