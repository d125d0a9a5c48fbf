"""`If-Match` and `If-None-Match` over real HTTP, on GET, PUT and DELETE (RFC 9110, 13.1 and 13.2.2)."""

import threading
import time

import pytest

from tests.support.notifications import CALL, call, operation
from tests.support.service import ALL, READ, WRITE, Answer, Service

INVITE = "/operations/invite-1"
OF_CALL = f"/calls/{CALL}"
BY_IDS = f"{OF_CALL}/operations/0fe0623f-d628-42ed-b4bd-8ac290072cc5"
STALE = '"0.0"'


def tag_of(service: Service, path: str = INVITE) -> str:
    tag = service.get(path).headers["ETag"]
    assert tag.startswith('"'), "a weak tag never matches If-Match"
    return tag


def ask(service: Service, method: str, path: str = INVITE, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.request(method, path, key=READ if method in {"GET", "HEAD"} else WRITE, headers=sent)


def refused(answer: Answer) -> bool:
    return answer.status == 412 and answer.problem == "precondition-failed"


@pytest.mark.parametrize("path", [INVITE, OF_CALL])
def test_delete_with_stale_if_match_keeps_record(service: Service, path: str) -> None:
    service.call_back(operation(status="running"))
    stale = tag_of(service, path)
    service.call_back(operation())
    assert refused(ask(service, "DELETE", path, If_Match=stale))
    assert service.get(INVITE).status == 200
    assert ask(service, "DELETE", path, If_Match=tag_of(service, path)).status == 204
    assert service.get(INVITE).status == 404


@pytest.mark.parametrize("path", [INVITE, OF_CALL])
def test_delete_evaluates_each_form_of_condition(service: Service, path: str) -> None:
    service.call_back(operation())
    tag = tag_of(service, path)
    for wrong in ({"If_Match": f"W/{tag}"}, {"If_Match": "nonsense"}, {"If_Match": ""}):
        assert refused(ask(service, "DELETE", path, **wrong)), wrong
    for present in (tag, f"W/{tag}", "*", f'"other", W/{tag}'):
        assert refused(ask(service, "DELETE", path, If_None_Match=present)), present
    assert refused(ask(service, "DELETE", path, If_Match=STALE, If_None_Match=STALE))
    assert ask(service, "DELETE", path, If_Match=f"{STALE}, {tag}", If_None_Match=STALE).status == 204


@pytest.mark.parametrize("path", [INVITE, OF_CALL])
def test_delete_of_nothing_is_404_with_any_condition(service: Service, path: str) -> None:
    for condition in ({"If_Match": "*"}, {"If_Match": STALE}, {"If_None_Match": "*"}):
        assert ask(service, "DELETE", path, **condition).status == 404, condition


def test_if_match_star_deletes_any_version(service: Service) -> None:
    service.call_back(operation(), operation(op="another", resultInfo={"code": 1}))
    assert ask(service, "DELETE", If_Match="*").status == 204


def test_if_match_of_one_operation_keeps_several(service: Service) -> None:
    service.call_back(operation(), operation(op="another", resultInfo={"code": 1}))
    answer = ask(service, "DELETE", If_Match=tag_of(service))
    assert refused(answer)
    assert "several" in answer.json["detail"]
    assert service.get(INVITE).json["others"] == 1


def test_put_with_stale_if_match_registers_nothing(service: Service) -> None:
    path = f"{INVITE}?deadline=90"
    assert refused(ask(service, "PUT", path, If_Match="*")), "there is nothing to match"
    assert service.get(INVITE).status == 404
    assert ask(service, "PUT", path).status == 201
    before = service.get(INVITE)
    assert refused(ask(service, "PUT", f"{INVITE}?deadline=900", If_Match=STALE))
    assert service.get(INVITE).json == before.json
    assert ask(service, "PUT", f"{INVITE}?deadline=900", If_Match=before.headers["ETag"]).status == 200
    assert service.get(INVITE).json["due"] != before.json["due"]


def test_put_with_if_none_match_star_registers_once(service: Service) -> None:
    answers: list[Answer] = []

    def register() -> None:
        answers.append(ask(service, "PUT", f"{INVITE}?deadline=90", If_None_Match="*"))

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [201, *[412] * 7]


def test_put_answers_with_version_that_matches(service: Service) -> None:
    created = service.request("PUT", INVITE, key=ALL)
    assert ask(service, "DELETE", If_Match=created.headers["ETag"]).status == 204


@pytest.mark.parametrize("path", [INVITE, OF_CALL, BY_IDS, "/openapi.json"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_get_with_failed_if_match_is_412(service: Service, method: str, path: str) -> None:
    service.call_back(operation())
    answer = ask(service, method, path, If_Match=STALE)
    assert answer.status == 412
    assert method == "HEAD" or refused(answer), "a problem, not the record"
    tag = tag_of(service, path)
    assert ask(service, method, path, If_Match=f'"x",{tag}').status == 200
    assert ask(service, method, path, If_Match=tag, If_None_Match=tag).status == 304
    assert ask(service, method, path, If_Match=STALE, If_None_Match=tag).status == 412, "If-Match comes first"


def test_static_file_with_failed_if_match_is_412(service: Service) -> None:
    answer = ask(service, "GET", "/static/x/base.css", If_Match=STALE)
    assert (answer.status, b"A condition of the request is false" in answer.body) == (412, True)


@pytest.mark.parametrize("path", [INVITE, OF_CALL, BY_IDS, "/openapi.json"])
def test_tag_changed_by_proxy_still_gives_304(service: Service, path: str) -> None:
    service.call_back(operation())
    plain = tag_of(service, path).strip('"')
    for sent in (
        f'"{plain}"', f'W/"{plain}"', f'W/"{plain}-gzip"', f'"{plain}-gzip"', f'"{plain};gzip"', f'"{plain}--gzip"',
        f'W/"{plain}-br"', f'"{plain}"-gzip', plain, f"W/{plain}", f'"a,b" , W/"{plain}"', f'"x","{plain}-zstd"', "*",
    ):  # fmt: skip
        assert ask(service, "GET", path, If_None_Match=sent).status == 304, sent
    for sent in ('"other"', "", f'"{plain}-other"', '"'):
        assert ask(service, "GET", path, If_None_Match=sent).status == 200, sent


def test_wait_with_tag_changed_by_proxy_waits(service: Service) -> None:
    service.call_back(operation())
    tag = tag_of(service).strip('"')
    began = time.monotonic()
    assert ask(service, "GET", f"{INVITE}?wait=1", If_None_Match=f'W/"{tag}-gzip"').status == 304
    assert time.monotonic() - began >= 0.9


def test_call_version_changes_with_its_operations(service: Service) -> None:
    service.call_back(call(), operation(status="running"))
    tag = tag_of(service, OF_CALL)
    service.call_back(call(), operation(status="running"))
    assert tag_of(service, OF_CALL) == tag, "duplicates"
    service.call_back(operation())
    changed = tag_of(service, OF_CALL)
    service.call_back(call(subject="x"))
    assert len({tag, changed, tag_of(service, OF_CALL)}) == 3
