"""`Receiver` against a real receiver."""

import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.client import NotAllowedError, ProblemError, Receiver, Result
from receiver.client.operation import read_operation
from receiver.web.openapi.body_examples import EXAMPLES
from receiver.web.openapi.response_schemas import OperationRecordSchema
from tests.support.notifications import CALL, OPERATION, operation
from tests.support.overdue import wait_until_overdue
from tests.support.service import ALL, READ, WRITE, Service

NO_ANSWER: dict[str, Any] = {
    "code": 408,
    "subcode": 10057,
    "message": "Nobody answered at 4:+12065550100.",
}


def test_get_returns_every_attribute(service: Service, receiver: Receiver) -> None:
    service.call_back(operation(status="running"))
    service.call_back(operation(status="failed", resultInfo=NO_ANSWER))
    found = receiver.get("invite-1")
    assert found
    assert (found.client_context, found.call_id, found.operation_id) == ("invite-1", CALL, OPERATION)
    assert (found.type, found.status) == ("inviteParticipantsOperation", "failed")
    assert (found.done, found.failed, found.completed) == (True, True, False)
    assert (found.overdue, found.due) == (False, None)
    assert str(found.result) == "408/10057"
    assert found.result
    assert found.result.text == "Nobody answered"
    assert found.result.message == NO_ANSWER["message"]
    assert [moment.status for moment in found.timeline] == ["running", "failed"]
    assert found.first_seen == found.timeline[0].at <= found.updated == found.timeline[1].at
    assert abs(found.updated - datetime.now(UTC)) < timedelta(minutes=1)
    assert (found.revision, found.notifications, found.duplicates, found.others) == (2, 2, 0, 0)
    assert found.conflict is None
    assert found.resource["resultInfo"]["subcode"] == 10057
    assert found.document == service.get("/operations/invite-1").json


def test_result_of_an_older_receiver_is_that_of_graph() -> None:
    document = {**EXAMPLES[OperationRecordSchema], "operation": {"resultInfo": NO_ANSWER}}
    del document["result"]
    found = read_operation(document).result
    assert found == Result(408, 10057, NO_ANSWER["message"])
    assert read_operation({**document, "done": False}).result is None


def test_a_second_result_is_a_conflict(service: Service, receiver: Receiver) -> None:
    service.call_back(operation())
    service.call_back(operation(status="failed"))
    found = receiver.get("invite-1")
    assert found
    assert found.completed
    assert found.conflict
    assert found.conflict.status == found.conflict.operation["status"] == "failed"


def test_get_of_an_unknown_operation_is_none(receiver: Receiver) -> None:
    assert receiver.get("unknown") is None


def test_repr_omits_personal_data(service: Service, receiver: Receiver) -> None:
    service.call_back(operation(status="failed", resultInfo=NO_ANSWER))
    found = receiver.get("invite-1")
    assert found
    # "555" alone may stand in a time
    assert "5550100" not in f"{found} {found.result!r} {found.result}"


def test_secrets_need_the_scope_secrets(service: Service, receiver: Receiver) -> None:
    service.call_back(operation(recordingAccessToken="secret"))
    result = [Receiver(service.address, key).get("invite-1") for key in (ALL, READ)]
    assert ["recordingAccessToken" in one.resource for one in result if one] == [True, False]


@pytest.mark.parametrize(
    "client_context",
    [
        "a/b",
        "/in front",
        "//",
        "behind/",
        ".",
        "..",
        "a/../b",
        "a b\tc\nd",
        "façade 50% ✓ #7?x=1&y",
        "%2F",
        "+",
        "*{x}*:;,",
        '"',
        "🙂" * 128,
        "x" * 256,
        "\x00",
    ],
)
def test_a_client_context_may_be_any_text(receiver: Receiver, client_context: str) -> None:
    assert receiver.get(client_context) is None
    assert receiver.register(client_context).created
    found = receiver.get(client_context)
    assert found
    assert found.client_context == client_context
    assert [one.client_context for one in receiver.list(client_context=client_context)] == [client_context]
    assert receiver.forget(client_context)
    assert receiver.get(client_context) is None


def test_a_uuid_may_be_a_client_context(service: Service, receiver: Receiver) -> None:
    name = uuid.uuid4()
    assert receiver.get(name) is None
    assert receiver.register(name).client_context == str(name)
    service.call_back(operation(cc=str(name)))
    found = [receiver.get(name), receiver.wait(name), *receiver.list(client_context=name)]
    assert [one.client_context for one in found if one] == [str(name)] * 3
    with receiver.stream(client_context=name) as stream:
        assert next(stream).data["clientContext"] == str(name)
    assert receiver.forget(name)


@pytest.mark.parametrize("client_context", [None, 4711, b"invite-1", ["invite-1"]])
def test_every_method_refuses_other_types_of_context(receiver: Receiver, client_context: Any) -> None:
    methods = (receiver.get, receiver.wait, receiver.register, receiver.forget)
    for ask in (
        *methods,
        lambda name: receiver.list(client_context=name),
        lambda name: receiver.stream(client_context=name),
    ):
        with pytest.raises(ValueError, match=f"a str or a UUID, not {type(client_context).__name__}"):
            ask(client_context)


@pytest.mark.parametrize("client_context", ["", "lone \ud800"])
def test_a_context_that_no_path_can_contain_is_refused(receiver: Receiver, client_context: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        receiver.get(client_context)


def test_list_requests_all_pages(service: Service, receiver: Receiver) -> None:
    service.call_back(*(operation(cc=f"cc-{number}", op=f"op-{number}") for number in range(7)))
    listed = [one.client_context for one in receiver.list(page_size=3)]
    assert listed == [f"cc-{number}" for number in reversed(range(7))]


def test_list_filters(service: Service, receiver: Receiver) -> None:
    service.call_back(operation(cc="done", op="a"), operation(cc="running", op="b", status="running"))
    service.call_back(operation(cc="other", op="c", type="playPromptOperation", call=CALL.replace("5", "6")))

    def found(**chosen: str) -> list[str | None]:
        return [one.client_context for one in receiver.list(**chosen)]  # type: ignore[arg-type]

    assert found(status="running") == ["running"]
    assert found(type="playPromptOperation") == ["other"]
    assert found(call_id=CALL) == ["running", "done"]
    assert found(client_context="done", status="failed") == []
    now = datetime.now(UTC)
    assert len(list(receiver.list(since=now - timedelta(hours=1)))) == 3
    assert list(receiver.list(since=now + timedelta(hours=1))) == []
    with pytest.raises(ValueError, match="time zone"):
        receiver.list(since=datetime(2026, 11, 24))


def test_a_registration_is_known_before_any_notification(service: Service, receiver: Receiver) -> None:
    response = {"@odata.type": "#microsoft.graph.inviteParticipantsOperation", "id": OPERATION}
    receipt = receiver.register("invite-1", {**response, "status": "Running"}, call_id=CALL)
    assert (receipt.status, receipt.done, receipt.created) == ("running", False, True)
    assert not receiver.register("invite-1").created
    service.call_back(operation())
    receipt = receiver.register("invite-1", {**response, "status": "Running"}, call_id=CALL)
    assert (receipt.status, receipt.done) == ("completed", True), "the result is kept"
    [only] = receiver.list(client_context="invite-1")
    assert only.completed


def test_a_registration_may_have_a_deadline(service: Service, receiver: Receiver) -> None:
    receiver.register("late", deadline=1)
    receiver.register("in-time", deadline=3600)
    receiver.register("as-set")
    result = {one.client_context: one for one in receiver.list()}
    given = {name: one.due - one.first_seen for name, one in result.items() if one.due}
    expected = {"late": 1, "in-time": 3600, "as-set": 120}
    assert {name: round(time.total_seconds()) for name, time in given.items()} == expected
    wait_until_overdue(service, "late")
    late = receiver.get("late")
    assert late
    assert (late.overdue, late.done, late.due) == (True, False, result["late"].due)
    assert [one.client_context for one in receiver.list(overdue=True)] == ["late"]
    assert [one.client_context for one in receiver.list(overdue=False)] == ["as-set", "in-time"]
    service.call_back(operation(cc="late"))
    after = receiver.get("late")
    assert after
    assert (after.overdue, after.completed, after.due) == (False, True, None)
    assert list(receiver.list(overdue=True)) == []


@pytest.mark.parametrize("deadline", [0, -1, 86401])
def test_a_deadline_out_of_range_is_refused(receiver: Receiver, deadline: int) -> None:
    with pytest.raises(ProblemError, match="86400"):
        receiver.register("invite-1", deadline=deadline)


def test_a_key_with_write_only_registers_and_forgets(service: Service) -> None:
    writer = Receiver(service.address, WRITE)
    receipt = writer.register("invite-1")
    assert (receipt.client_context, receipt.status, receipt.done) == ("invite-1", None, False)
    assert writer.forget("invite-1")
    assert not writer.forget("invite-1"), "it is deleted"


def test_a_problem_error_has_status_type_and_detail(service: Service) -> None:
    with pytest.raises(NotAllowedError) as unknown:
        Receiver(service.address, "wrong").get("invite-1")
    assert (unknown.value.status, unknown.value.type) == (401, "/problems/invalid-api-key")
    assert unknown.value.title in str(unknown.value)
    assert unknown.value.detail in str(unknown.value)
    assert unknown.value.request_id in service.log
    with pytest.raises(NotAllowedError) as unscoped:
        Receiver(service.address, READ).register("invite-1")
    assert (unscoped.value.status, unscoped.value.type) == (403, "/problems/insufficient-scope")
    with pytest.raises(ProblemError) as refused:
        list(Receiver(service.address, READ).list(page_size=1000))
    assert (refused.value.status, list(refused.value.document["errors"])) == (400, ["limit"])


def test_the_address_may_end_with_a_slash(service: Service) -> None:
    assert Receiver(f"{service.address}/", READ).get("unknown") is None


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", "/x", ""])
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"https://receiver\.example"):
        Receiver(url)


@pytest.mark.parametrize("key", ["two words", "line\n", "façade"])
def test_a_malformed_key_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="key") as refused:
        Receiver("http://x", key)
    assert key not in str(refused.value)


def test_the_client_imports_nothing_of_the_server() -> None:
    code = "import receiver.client, sys; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "urllib3" in loaded
    for name in ("flask", "werkzeug", "gunicorn", "gevent", "redis", "structlog", "cryptography"):
        assert f"'{name}'" not in loaded
