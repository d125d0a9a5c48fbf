from collections.abc import Iterator
from dataclasses import dataclass, field
from shutil import which

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from receiver.simulator.issuer import Issuer
from tests.support.service import READ, Service
from tests.support.stores import StoreServer

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Visit:
    """A browser's page on a receiver, with its errors and the other hosts that it asked."""

    page: Page
    service: Service
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.service.address + path)

    def sign_in(self, key: str = READ) -> None:
        self.open()
        self.page.get_by_label("API key").fill(key)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def sees(self, text: str) -> None:
        self.page.get_by_text(text, exact=True).first.wait_for(timeout=10_000)

    def does_not_see(self, text: str) -> bool:
        return not self.page.get_by_text(text, exact=True).count()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def visited_service(
    store_server: StoreServer, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("visited")
    with Service(folder, store_server.url, issuer, WEB_CONCURRENCY="1") as running:
        yield running


@pytest.fixture
def service(visited_service: Service, store: StoreServer) -> Service:
    """Return a receiver with one worker that only browsers use, and an empty store."""
    return visited_service


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Visit]:
    """A visit that ends without an error, and with no other host asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = Visit(context.new_page(), service)

    def complain(text: str) -> None:
        # A refused sign-in, and a receiver that is away, are what some of the tests are about.
        if "Password forms" not in text and "Failed to load resource" not in text and "ERR_CONN" not in text:
            made.complaints.append(text)

    made.page.on(
        "console", lambda message: complain(message.text) if message.type in {"error", "warning"} else None
    )
    made.page.on("pageerror", lambda error: complain(str(error)))
    made.page.on(
        "request",
        lambda sent: (
            None if sent.url.startswith((service.address, "data:")) else made.foreign.append(sent.url)
        ),
    )
    yield made
    context.close()
    assert made.complaints == []
    assert made.foreign == []
