"""What a person does on the page, in a few words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SHOTS = Path(__file__).parent / "shots"

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SIZES = {"desktop": (1440, 1000), "phone": (390, 844), "wide": (2200, 1200)}

PATIENCE = 60_000
"""Milliseconds that anything may take on a machine that does other work besides."""


class Driver:
    """One page in a browser of its own memory."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context, self.page = context, page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    @classmethod
    def opened(
        cls,
        browser: Browser,
        address: str,
        fragment: str = "",
        size: str = "desktop",
        look: Any = "light",
        language: str = "en-GB",
    ) -> Driver:
        """The page at an address, as it is before Python has loaded."""
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=look, locale=language)
        driver = cls(context, context.new_page())
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

    def shows(self, text: str) -> None:
        """Wait until the answer holds a text."""
        self.page.wait_for_function("text => document.querySelector('main').innerText.includes(text)", arg=text)

    def explains(self, text: str) -> None:
        """Wait until the drawer holds a text, spaces of any kind alike."""
        script = "text => (document.querySelector('#drawer')?.innerText ?? '').replace(/\\s+/g, ' ').includes(text)"
        self.page.wait_for_function(script, arg=text)

    def open(self, group: str) -> None:
        """Unfold a group of the left column."""
        at = self.page.locator(
            "details.group", has=self.page.locator("summary .name", has_text=re.compile(f"^{group}$"))
        )
        if at.get_attribute("open") is None:
            at.locator("summary").click()

    def type(self, field: str, text: str) -> None:
        """Type into a field, key by key as people do."""
        at = self.page.locator(f"[id='{field}']")
        at.fill("")
        at.press_sequentially(text)

    def choose(self, field: str, value: str) -> None:
        """Choose from a list."""
        self.page.locator(f"[id='{field}']").select_option(value)

    def drop(self, *files: Path) -> None:
        """Drop files onto the page."""
        data = [{"name": path.name, "bytes": list(path.read_bytes())} for path in files]
        self.page.evaluate(DROP, data)

    def shot(self, name: str) -> None:
        """Keep a picture of what is seen."""
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=SHOTS / f"{name}.png")


DROP = """files => {
  const held = new DataTransfer();
  for (const { name, bytes } of files) held.items.add(new File([new Uint8Array(bytes)], name));
  window.dispatchEvent(new DragEvent('drop', { dataTransfer: held, bubbles: true, cancelable: true }));
}"""
