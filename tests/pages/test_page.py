"""The page in a real browser."""

from typing import Any, Literal, cast

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.pages.conftest import Visit
from tests.support.notifications import CALL, JOINING, call, item, operation, participant, roster
from tests.support.service import ALL, READ, WRITE

PAGES = ["/", "/view/operation/1", f"/view/call/{CALL}", "/view/quarantine"]
DOCUMENTATION = ["/docs", "/docs/guides/settings", "/problems/operation-not-found"]
HTML = "<img src=x onerror=alert(1)><u>Ann</u>"


def invite(cc: str, name: str = "Ann Example", **more: object) -> dict[str, object]:
    participants = [{"identity": {"user": {"id": "u", "displayName": name}}}]
    return operation(cc=cc, op=f"op-{cc}"[:40], participants=participants, **more)  # type: ignore[arg-type]


def test_one_signs_in_with_a_read_key_and_out_again(visit: Visit) -> None:
    visit.service.call_back(invite("cc-1"))
    for wrong in ("wrong", WRITE):
        visit.sign_in(wrong)
        assert visit.page.get_by_label("API key").is_visible()
        assert visit.does_not_see("cc-1")
    visit.sign_in()
    visit.sees("cc-1")
    [cookie] = [one for one in visit.page.context.cookies() if one["name"] == "receiver_session"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert READ not in str(cookie)
    with visit.page.expect_navigation():
        visit.page.get_by_role("button", name="Sign out").click()
    visit.page.get_by_label("API key").wait_for()
    visit.page.context.add_cookies([cast("Any", cookie)])
    visit.open()
    assert visit.page.get_by_label("API key").is_visible(), "the session is gone, not only the cookie"


def test_operation_appears_and_completes_on_an_open_page(visit: Visit) -> None:
    visit.sign_in()
    visit.sees("Live")
    visit.service.call_back(invite("cc-live", status="running"))
    visit.sees("cc-live")
    row = visit.page.get_by_role("row").filter(has_text="cc-live")
    assert "Running" in row.inner_text()
    visit.service.call_back(invite("cc-live", status="failed", resultInfo={"code": 408, "subcode": 10057}))
    visit.sees("Nobody answered")
    assert "Failed" in row.inner_text()


def test_filters_choose_by_state_type_and_text(visit: Visit) -> None:
    visit.service.call_back(
        invite("cc-done"),
        invite("cc-failed", "Bob Other", status="failed"),
        operation(cc="cc-record", op="op-record", type="recordOperation"),
    )
    visit.sign_in()
    visit.sees("cc-done")
    for query, seen in (
        ("?status=failed", {"cc-failed"}),
        ("?type=recordOperation", {"cc-record"}),
        ("?q=bob", {"cc-failed"}),
        ("?q=CC-DONE", {"cc-done"}),
        ("?status=completed&q=nothing-like-this", set()),
    ):
        visit.open("/" + query)
        text = visit.page.locator("main").inner_text()
        assert {name for name in ("cc-done", "cc-failed", "cc-record") if name in text} == seen, query


def test_an_overdue_operation_stands_out_and_can_be_chosen(visit: Visit) -> None:
    visit.service.call_back(invite("cc-done"))
    visit.sign_in()
    visit.sees("Live")
    visit.service.request("PUT", "/operations/cc-late?deadline=1", key=WRITE)
    row = visit.page.get_by_role("row").filter(has_text="cc-late")
    row.get_by_text("Overdue", exact=True).wait_for(timeout=20_000)
    visit.page.get_by_role("radio", name="Overdue").check()
    visit.page.get_by_role("row").filter(has_text="cc-done").wait_for(state="detached")
    assert row.is_visible()
    row.get_by_role("link").first.click()
    visit.sees("Result due")
    assert visit.page.locator("ol.steps").get_by_text("Overdue", exact=True).is_visible()
    visit.service.call_back(invite("cc-late", status="failed"))
    visit.page.locator("header.title").get_by_text("Failed", exact=True).first.wait_for(timeout=10_000)
    assert visit.does_not_see("Overdue")
    assert visit.does_not_see("Result due")


def test_older_operations_are_on_further_pages(visit: Visit) -> None:
    visit.service.call_back(*(invite(f"cc-{number}") for number in range(60)))
    visit.sign_in()
    visit.sees("cc-59")
    assert visit.does_not_see("cc-5")
    visit.page.get_by_role("link", name="Older").click()
    visit.sees("cc-5")
    assert visit.does_not_see("cc-59")


def test_one_operation_is_shown_whole_and_without_secrets(visit: Visit) -> None:
    visit.service.call_back(invite("cc-1", status="running", recordingAccessToken="secret-1"))
    visit.service.call_back(invite("cc-1", resultInfo={"code": 200, "subcode": 0}))
    visit.service.call_back(invite("cc-1", status="failed", resultInfo={"code": 500, "subcode": 1}))
    visit.sign_in()
    visit.page.get_by_role("row").filter(has_text="cc-1").get_by_role("link").first.click()
    visit.sees("Timeline")
    text = visit.page.locator("main").inner_text()
    for shown in (
        "Running",
        "Completed",
        "A second, different result",
        "Failed",
        "Ann Example",
        "inviteParticipants",
    ):
        assert shown in text
    assert "secret-1" not in visit.page.content()


def test_a_call_is_shown_with_its_roster_and_operations(visit: Visit) -> None:
    participant = {"id": "p", "info": {"identity": {"user": {"displayName": "Zoë"}}}, "isMuted": True}
    visit.service.call_back(call("established"), roster(participant), invite("cc-1"))
    visit.sign_in()
    visit.sees("cc-1")
    visit.open(f"/view/call/{CALL}")
    text = visit.page.locator("main").inner_text()
    for shown in ("Established", "Zoë", "cc-1"):
        assert shown in text


def test_call_shows_its_tones_and_joining_participants(visit: Visit) -> None:
    for number, name in enumerate(("tone1", "pound", "flash")):
        visit.service.call_back(call("established", toneInfo={"sequenceId": number, "tone": name}))
    visit.service.call_back(item(f"/app/calls/{CALL}", JOINING, "created"))
    visit.sign_in()
    visit.open(f"/view/call/{CALL}")
    text = visit.page.locator("main").inner_text()
    assert "1 # flash" in text
    assert "Participants that joined or left" in text


def test_large_roster_is_shown_in_part(visit: Visit) -> None:
    visit.service.call_back(roster(*(participant(number) for number in range(1, 1001))))
    visit.sign_in()
    visit.open(f"/view/call/{CALL}")
    assert visit.page.locator(".roster li").count() == 100
    assert "900 others are not shown" in visit.page.locator("main").inner_text()
    assert len(visit.page.content()) < 700_000


def test_a_quarantined_item_is_replayed_or_forgotten(visit: Visit) -> None:
    visit.service.call_back(operation(cc="cc-1", resultInfo="+15550100"), "broken")
    visit.sign_in(ALL)
    visit.page.get_by_role("link", name="Quarantine").click()
    readable = visit.page.locator("article").filter(has_text="The member resultInfo must be an object.")
    assert "/communications/calls/{id}/operations/{id}" in readable.inner_text()
    assert "5550100" not in visit.page.content()
    readable.get_by_role("button", name="Replay").click()
    visit.page.locator("#notice").get_by_text("It stays in quarantine.").wait_for()
    never = visit.page.locator("article").filter(has_text="must be a JSON object")
    assert never.get_by_role("button", name="Replay").count() == 0
    never.get_by_role("button", name="Forget").click()
    never.wait_for(state="detached")
    assert readable.is_visible()


def test_equal_quarantined_items_are_one_group(visit: Visit) -> None:
    visit.service.call_back(*(operation(cc=f"cc-{number}", resultInfo="x") for number in range(12)))
    visit.sign_in(ALL)
    visit.open("/view/quarantine")
    group = visit.page.locator("article")
    assert (group.count(), "12 times" in group.inner_text()) == (1, True)
    group.get_by_role("link", name="Show all 12").click()
    visit.sees("Entries of one group, newest first. Ids, names and numbers are hidden.")
    assert group.count() == 12
    group.first.get_by_role("button", name="Forget").click()
    visit.page.locator("article:nth-of-type(12)").wait_for(state="detached")
    visit.page.locator("main").get_by_role("link", name="Quarantine").click()
    visit.page.on("dialog", lambda dialog: dialog.accept())
    visit.page.get_by_role("button", name="Forget all 11").click()
    visit.sees("The quarantine is empty")


def test_the_quarantine_is_not_shown_to_a_read_key(visit: Visit) -> None:
    visit.service.call_back("broken")
    visit.sign_in(READ)
    visit.sees("Operations")
    assert visit.page.get_by_role("link", name="Quarantine").count() == 0
    visit.open("/view/quarantine")
    visit.sees("The API key lacks a scope")
    assert visit.page.locator("article").count() == 0


def test_names_full_of_html_are_only_text(visit: Visit) -> None:
    visit.service.call_back(invite(HTML, HTML))
    visit.sign_in()
    visit.sees(HTML)
    assert visit.page.locator("main img").count() == 0
    visit.open("/view/operation/1")
    visit.sees(HTML)
    assert visit.page.locator("main u").count() == 0


def test_a_lost_connection_shows_and_is_found_again(visit: Visit) -> None:
    visit.sign_in()
    visit.sees("Live")
    visit.service.kill()
    visit.page.get_by_text("Live", exact=True).first.wait_for(state="detached", timeout=10_000)
    visit.service.start()
    visit.service.call_back(invite("cc-after"))
    visit.sees("Live")
    visit.sees("cc-after")


@pytest.mark.parametrize("path", [*PAGES, *DOCUMENTATION])
def test_a_narrow_screen_needs_no_scrolling_sideways(visit: Visit, path: str) -> None:
    visit.service.call_back(invite("c" * 256, "N" * 80), call("established"), "broken")
    visit.page.set_viewport_size({"width": 360, "height": 740})
    visit.sign_in(ALL)
    visit.sees("Live")
    visit.open(path)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_another_sites_page_changes_nothing_by_a_session(visit: Visit) -> None:
    visit.sign_in(ALL)
    visit.sees("Live")
    [cookie] = [one for one in visit.page.context.cookies() if one["name"] == "receiver_session"]
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        refused = visit.service.request(
            "DELETE",
            "/operations/x",
            key=None,
            headers={"Cookie": f"{cookie['name']}={cookie['value']}", **headers},
        )
        assert (refused.status, refused.problem) == (403, "forbidden")


def test_pages_forbid_whatever_they_do_not_need(visit: Visit) -> None:
    policy = visit.service.get("/", key=None).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_clean_for_assistive_technology(visit: Visit, scheme: Literal["light", "dark"]) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    visit.service.call_back(
        invite("cc-1", resultInfo={"code": 200}),
        invite("cc-2", status="failed", resultInfo={"code": 408, "subcode": 10057}),
        invite("cc-3", status="running"),
        call("established"),
        roster({"id": "p", "isMuted": True}),
        *("broken", "broken", operation(cc="odd", resultInfo="x")),
    )
    assert violations(visit, "/") == [], "sign in"
    visit.sign_in(ALL)
    visit.sees("cc-1")
    for path in PAGES:
        assert violations(visit, path) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_documentation_is_clean_for_assistive_technology(
    visit: Visit, scheme: Literal["light", "dark"]
) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    for path in DOCUMENTATION:
        assert violations(visit, path) == [], path


def violations(visit: Visit, path: str) -> list[tuple[str, list[str]]]:
    visit.open(path)
    found = Axe().run(visit.page).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:2]]) for one in found]


def test_everything_can_be_reached_by_keyboard(visit: Visit) -> None:
    visit.service.call_back(invite("cc-1"))
    visit.sign_in()
    visit.sees("cc-1")
    reached = set()
    for _ in range(25):
        visit.page.keyboard.press("Tab")
        reached.add(
            visit.page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name")
        )
    for wanted in ("Operations", "Pause", "Sign out", "Failed", "q", "Invite participants"):
        assert any(wanted in name for name in reached), (wanted, reached)
