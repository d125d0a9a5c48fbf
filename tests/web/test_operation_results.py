"""The words for results, in every answer that has an operation."""

from tests.support.listening import Listener
from tests.support.notifications import CALL, operation
from tests.support.service import READ, Service

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.secret-signature"
UNANSWERED = {"code": 408, "subcode": 10057, "text": "Nobody answered"}


def test_result_is_the_same_in_every_answer_and_event(service: Service) -> None:
    service.call_back(operation(status="running"))
    assert service.get("/operations/invite-1").json["result"] is None
    with Listener(service) as listener:
        service.call_back(operation(status="failed", resultInfo={"code": "408", "subcode": "10057"}))
        assert listener.wait_for(1)[0].data["result"] == UNANSWERED
    assert service.get("/operations/invite-1").json["result"] == UNANSWERED
    assert service.get("/operations").json["operations"][0]["result"] == UNANSWERED
    assert service.get(f"/calls/{CALL}").json["operations"][0]["result"] == UNANSWERED


def test_result_in_words_of_a_reason_holds_no_secret(service: Service) -> None:
    service.call_back(operation(completionReason=f"see {JWT}"))
    assert b"secret" not in service.get("/operations/invite-1", key=READ).body
    assert b"secret" not in service.get("/operations", key=READ).body
