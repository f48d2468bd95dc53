"""What tests do with the desk in a real browser: open it, sign in, look at it and judge it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from django_otp.oath import TOTP
from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState, sync_playwright

from accounts import totp
from accounts.models import StaffAuthenticator, User
from config.development import system
from tests.serving import Server
from tests.settings import TEST_DATA_DIR

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
PICTURES = TEST_DATA_DIR / "screenshots"
PASSWORD = "correct horse battery"
SIZES = {"desktop": (1400, 900), "phone": (390, 844)}
#: A size and a colour.
Look = tuple[Literal["desktop", "phone"], Literal["light", "dark"]]
EVERY_LOOK: list[Look] = [
    ("desktop", "light"),
    ("phone", "dark"),
    ("desktop", "dark"),
    ("phone", "light"),
]
#: Two that have both sizes and both colours.
LOOKS = EVERY_LOOK[:2]
#: What axe looks for: WCAG 2.2 up to level AA, and what is good practice beside it.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
JUDGE = """async (rules) => {
  const options = {runOnly: rules, resultTypes: ["violations"], preload: false};
  const result = await axe.run(document, options);
  // The places of pins on a map are what it shows (2.5.8, the exception "essential").
  const isPin = ({target}) => document.querySelector(target)?.closest(".leaflet-pane");
  return result.violations.flatMap(({id, impact, nodes}) => nodes
    .filter(node => id !== "target-size" || !isPin(node))
    .map(node => `${id} (${impact}): ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
#: The innermost parts of a page that is wider than its window.
TOO_WIDE = """() => {
  if (document.documentElement.scrollWidth <= window.innerWidth) return [];
  const isWide = part => part.getBoundingClientRect().right > window.innerWidth + 1;
  const wide = [...document.querySelectorAll("body *")].filter(isWide)
    .filter(part => ![...part.children].some(isWide)).slice(0, 3);
  return wide.map(part => `wider than the window: ${part.tagName}#${part.id}.${part.className}`);
}"""
#: Colours and places are judged when nothing moves and the scripts of the page have done their
#: work. The Content-Security-Policy lets no style in.
STOP = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::before, ::after { transition: none !important; animation: none }");
  document.adoptedStyleSheets.push(sheet);
  return new Promise(done => setTimeout(() => setTimeout(done)));
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, without a window.

    Playwright keeps an event loop in this thread, which Django would take for a reason not to ask
    the database.
    """
    program = system.find_chromium()
    assert program, f"Chromium is not installed: run `{system.INSTALL_CHROMIUM}`."
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "on"
    try:
        with sync_playwright() as playwright:
            # Chromium's own sandbox refuses root, which tests run as in a container.
            sandboxed = os.geteuid() != 0
            browser = playwright.chromium.launch(
                executable_path=program, chromium_sandbox=sandboxed
            )
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Desk:
    """The desk of a running server, in a browser.

    Tests write and read its database as their own; what they write stays for the tests after them.
    """

    browser: Browser
    server: Server
    _sessions: dict[UUID, StorageState] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Return the server's address, without a path."""
        return f"http://127.0.0.1:{self.server.port}"

    @contextmanager
    def page(
        self, user: User | None = None, *, size: str = "desktop", refusals: tuple[int, ...] = ()
    ) -> Iterator[Page]:
        """Open a page of a fresh browser, in which the user, if any, is signed in.

        A script that fails in it, or that the Content-Security-Policy stops, fails the test, and so
        does an answer that is an error, but those with the statuses of `refusals`.
        """
        context = self.browser.new_context(
            base_url=self.address,
            viewport=_viewport(size),
            storage_state=self._session(user) if user else None,
        )
        page, errors = context.new_page(), list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.extend(_error_of(line)))
        try:
            yield page
        except BaseException:
            screenshot(page, "failure")
            raise
        finally:
            context.close()
        expected = tuple(f"status of {status}" for status in refusals)
        errors = [one for one in errors if not any(text in one for text in expected)]
        assert errors == [], errors

    def _session(self, user: User) -> StorageState:
        """Return the cookies of a user, who signs in when they are asked for first."""
        if user.pk not in self._sessions:
            with self.page() as page:
                sign_in(page, user)
                self._sessions[user.pk] = page.context.storage_state()
        return self._sessions[user.pk]


def sign_in(page: Page, user: User) -> None:
    """Sign in by the form, with a password and the code of an authenticator that is made for it."""
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    totp.enrol(user)
    page.goto("/admin/")
    page.get_by_label("Phone").fill(user.phone)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code of your authenticator").fill(present_code(user))
    page.get_by_role("button", name="Sign in").click()
    page.locator("#user-tools").wait_for()


def present_code(user: User) -> str:
    """Return the code that the user's authenticator shows."""
    return f"{TOTP(StaffAuthenticator.objects.get(user=user).seed).token():06}"


def screenshot(page: Page, name: str) -> None:
    """Keep a picture of the whole page in DATA_DIR/test/screenshots."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0].rpartition("::")[2]
    file = re.sub(r"[^\w-]+", "-", f"{test}-{name}").strip("-")
    page.screenshot(path=PICTURES / f"{file}.png", full_page=True)


def violations(page: Page, *, name: str = "", looks: Sequence[Look] = EVERY_LOOK) -> list[str]:
    """Return what axe finds wrong with the page as it stands, in each look.

    What is wider than the window counts too (1.4.10). A picture of each look is kept where the page
    has a name.
    """
    page.evaluate(STOP)
    page.evaluate(AXE.read_text())
    faults = []
    for size, colour in looks:
        page.set_viewport_size(_viewport(size))
        page.emulate_media(color_scheme=colour)
        found = [*page.evaluate(JUDGE, RULES), *page.evaluate(TOO_WIDE)]
        faults += [f"{size}, {colour}: {fault}" for fault in found]
        if name:
            screenshot(page, f"{name}-{size}-{colour}")
    return faults


def _error_of(line: ConsoleMessage) -> Iterator[str]:
    """Yield what the browser complains of in a line of its console."""
    if line.type == "error" and not line.location["url"].endswith("/favicon.ico"):
        yield f"{line.text} {line.location['url']}"


def _viewport(size: str) -> Any:
    width, height = SIZES[size]
    return {"width": width, "height": height}
