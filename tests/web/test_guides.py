"""The guides: as Markdown that a code host shows, and as pages that a receiver serves."""

import re

import pytest

from receiver.web.pages.guide_html import guide_html, heading_anchor, served_address
from receiver.web.pages.guide_routes import GUIDE_TITLES
from tests.support.documents import GUIDES_FOLDER
from tests.support.service import Service

TEXTS = {path.stem: path.read_text() for path in sorted(GUIDES_FOLDER.glob("*.md"))}
LINK = re.compile(r"\]\(([^)]+)\)")


def without_code(text: str) -> str:
    """Leave out blocks of code, in which `#` begins a comment."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    return {
        heading_anchor(one.replace("`", "")) for one in re.findall(r"^#+ (.+)$", without_code(text), re.M)
    }


def test_every_guide_is_listed_under_its_first_heading() -> None:
    assert {name: text.splitlines()[0].removeprefix("# ") for name, text in TEXTS.items()} == GUIDE_TITLES


@pytest.mark.parametrize("name", GUIDE_TITLES)
def test_guide_links_lead_to_guides_or_to_https_addresses(name: str) -> None:
    """A relative link to any other file would lead nowhere where the receiver serves the guide."""
    for link in LINK.findall(without_code(TEXTS[name])):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = file.removesuffix(".md") if file else name
        assert target in TEXTS, link
        assert not anchor or anchor in anchors(TEXTS[target]), link


@pytest.mark.parametrize("name", GUIDE_TITLES)
def test_guide_is_served_with_links_that_work_there(service: Service, name: str) -> None:
    answer = service.get(f"/docs/guides/{name}", key=None)
    page = answer.body.decode()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert ".md" not in "".join(re.findall(r'href="([^"]+)"', page))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert anchor in ids
    listed = set(re.findall(r'href="/docs/guides/([\w-]+)', page))
    assert listed == set(GUIDE_TITLES)


def test_documentation_lists_every_guide(service: Service) -> None:
    page = service.get("/docs", key=None).body.decode()
    assert set(re.findall(r'href="/docs/guides/([\w-]+)"', page)) == set(GUIDE_TITLES)


@pytest.mark.parametrize("name", ["boredom", "settings.md", "..%2Fguide_routes", "%00"])
def test_unknown_guide_is_not_found(service: Service, name: str) -> None:
    assert service.get(f"/docs/guides/{name}", key=None).status == 404


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("waiting.md", "/docs/guides/waiting"),
        ("settings.md#the-store", "/docs/guides/settings#the-store"),
        ("#metrics", "#metrics"),
        ("https://example.org/a.md", "https://example.org/a.md"),
        ("../waiting.md", "../waiting.md"),
    ],
)
def test_link_between_guides_is_served_without_its_suffix(link: str, address: str) -> None:
    assert served_address(link) == address


def test_headings_have_the_anchors_of_a_code_host() -> None:
    page = guide_html("# A title\n\n## The store: `REDIS_URL`, and TLS\n\n## Twice\n\n## Twice\n")
    assert page.title == "A title"
    assert [anchor for anchor, _ in page.headings] == ["the-store-redis_url-and-tls", "twice", "twice-1"]
    assert '<h2 id="twice-1">Twice</h2>' in page.body


def test_raw_html_in_a_guide_is_shown_as_text() -> None:
    page = guide_html("# T\n\n<script>alert(1)</script> [x](javascript:alert(1))\n")
    assert "<script>" not in page.body
    assert 'href="javascript' not in page.body
