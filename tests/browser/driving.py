"""What a person does on the page, in a few words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

SHOTS = Path(__file__).parent / "shots"

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SIZES = {"desktop": (1440, 1000), "phone": (390, 844), "narrow": (360, 740), "wide": (2200, 1200)}

PATIENCE = 20_000
"""Milliseconds that anything may take on a machine that does other work besides."""

REFUSED = "responded with a status of 422"
"""What the browser says where a service answers that a question cannot be answered."""


class Driver:
    """One page in a browser of its own memory.

    Attributes:
        complaints: what the browser said was wrong: errors, violations of the policy, requests to other hosts.
    """

    def __init__(self, context: BrowserContext, page: Page, host: str = "") -> None:
        self.context, self.page = context, page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        if host:
            context.on("request", lambda request: self._asked(request.url, host))

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and REFUSED not in text:
            self.complaints.append(text)

    def _asked(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("blob", "data") and parts.netloc != host:
            self.complaints.append(f"a request to another host: {url[:200]}")

    @classmethod
    def opened(
        cls,
        browser: Browser,
        address: str,
        fragment: str = "",
        size: str = "desktop",
        look: Any = "light",
        language: str = "en-GB",
        missing: str = "",
        **more: Any,
    ) -> Driver:
        """The page at an address, as it is before Python has loaded; files of a pattern are not there."""
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=look, locale=language, **more
        )
        driver = cls(context, context.new_page(), urlsplit(address).netloc)
        if missing:
            context.route(missing, lambda route: route.fulfill(status=404))
        driver.page.goto(address + fragment)
        return driver

    def closed(self) -> list[str]:
        """Close it; what the browser complained of."""
        self.context.close()
        return self.complaints

    def ready(self) -> Driver:
        """Wait until Python answers."""
        self.page.wait_for_selector("html[data-ready]")
        return self

    def settled(self) -> Driver:
        """Wait until the answer is that of what is given now."""
        self.page.wait_for_selector("main[aria-busy='false']")
        return self

    def until(self, true: str, arg: Any = None) -> None:
        """Wait until an expression of JavaScript, in which ``arg`` may stand, is true."""
        self.page.wait_for_function(f"arg => {true}", arg=arg)

    def where(self) -> str:
        """The address, whole."""
        found: str = self.page.evaluate("location.href")
        return found

    def fragment(self) -> str:
        """The part of the address that holds the state, from its # on."""
        found: str = self.page.evaluate("location.hash")
        return found

    def text(self) -> str:
        """What the answer says."""
        found: str = self.page.locator("main").inner_text()
        return found

    def shows(self, text: str) -> None:
        """Wait until the answer holds a text."""
        self.until("document.querySelector('main').innerText.includes(arg)", text)

    def objects(self, field: str, text: str) -> None:
        """Wait until a text stands beside a field, as what is wrong with it: what is typed on the way is wrong, too."""
        self.until(
            "[...document.querySelectorAll(arg[0])].some((told) => told.innerText.includes(arg[1]))",
            [
                f"[id='{field}-problem']",
                text,
            ],
        )

    def refuses(self, group: str, field: str, text: str, said: str, beside: str = "") -> None:
        """Type what is wrong into a field of a group: it is said beside that field, or another, until it is gone."""
        self.open(group)
        self.type(field, text)
        self.objects(beside or field, said)
        assert self.field(beside or field).get_attribute("aria-invalid") == "true"
        self.type(field, "")
        self.page.wait_for_selector(f"[id='{beside or field}-problem']", state="detached")

    def explains(self, text: str) -> None:
        """Wait until the drawer holds a text, spaces of any kind alike."""
        self.until("(document.querySelector('#drawer')?.innerText ?? '').replace(/\\s+/g, ' ').includes(arg)", text)

    def refusing(self, part: str) -> None:
        """Let the service refuse every question that holds a text."""

        def answered(route: Route) -> None:
            if part in (route.request.post_data or ""):
                route.fulfill(status=422, json={"detail": "refused by the test"})
            else:
                route.continue_()

        self.page.route("**/api/v1/answer", answered)

    def group(self, name: str) -> Locator:
        """A group of the left column, by what stands on it."""
        title = self.page.locator("summary .name", has_text=re.compile(f"^{re.escape(name)}$"))
        return self.page.locator("details.group", has=title)

    def open(self, group: str) -> None:
        """Unfold a group of the left column."""
        at = self.group(group)
        if at.get_attribute("open") is None:
            at.locator("summary").click()

    def unfold(self) -> None:
        """Unfold whatever is folded; what stands open stays open."""
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        self.settled()

    def field(self, name: str) -> Locator:
        """A control, by its key in the address."""
        return self.page.locator(f"[id='{name}']")

    def type(self, field: str, text: str) -> None:
        """Type into a field, key by key as people do."""
        self.field(field).fill("")
        self.field(field).press_sequentially(text)

    def choose(self, field: str, value: str) -> None:
        """Choose from a list."""
        self.field(field).select_option(value)

    def press(self, name: str) -> None:
        """Press a button by its name."""
        self.page.get_by_role("button", name=name).first.click()

    def figure(self, text: str, nth: int = 0) -> None:
        """Click a figure of the answer, by what it says."""
        self.page.locator("main .figure", has_text=text).nth(nth).click()

    def drop(self, *files: Path) -> None:
        """Drop files onto the page; they stay where they are, as large as they are."""
        held = self.page.evaluate_handle(
            "() => Object.assign(document.createElement('input'), { type: 'file', multiple: true })"
        ).as_element()
        assert held is not None
        held.set_input_files(list(files))
        held.evaluate(DROP)

    def narrow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider

    def shot(self, name: str, whole: bool = False) -> None:
        """Keep a picture of what is seen, or of the whole page with all that is asked beside its answer."""
        if whole:
            self.page.wait_for_timeout(100)
            self.page.wait_for_selector("html:not([data-asking])", state="attached")
        self.page.wait_for_timeout(400)  # charts come in
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


DROP = """input => {
  const held = new DataTransfer();
  for (const file of input.files) held.items.add(file);
  window.dispatchEvent(new DragEvent('drop', { dataTransfer: held, bubbles: true, cancelable: true }));
}"""
