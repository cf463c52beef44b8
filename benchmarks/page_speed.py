"""How soon the page answers: cold in the browser, cold from a service, and after each later change.

``python -m benchmarks.page_speed`` (in the environment of ``make browser``, after ``make site``) opens the page in Chromium
with a fresh profile each time, from a static host and from ``weighbridge serve`` on the loopback, and then changes fields
of every panel at random, one change after the other's answer. All times are the browser's own clock: from the start of
the navigation, or from the event of the change, until the answer stands in the page. The load of the machine before and
after stands beside them: figures that were taken while others worked on the same processors are upper bounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.driving import ARGUMENTS
from tests.browser.serving import SITE, Server, Service

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright

LINK = "#params?model=mixtral-8x7b"
"""What is opened: no example that the page brings along, so that Python has to answer."""

OPENED = 3
"""Times that the page is opened cold."""

TARGETS = {"cold": 5_000.0, "served": 500.0, "change": 100.0}
"""Milliseconds: of the first answer in the browser and from a service, and of a change at the 95th percentile."""

SIZES = SITE.parent / "app" / "generated" / "sizes.json"

WATCH = """() => {
  const seen = () => {
    const main = document.querySelector('main[aria-busy="false"]');
    if (main?.querySelector('.sentence, .told')) window.answeredAt ??= performance.now();
    else if (!window.answeredAt) requestAnimationFrame(seen);
  };
  seen();
}"""

CONTROLS = """() => [...document.querySelectorAll('form.given :is(select, input.number, input[type="range"])[id]')].map((one) => ({
  id: one.id, choices: one.localName === 'select' ? [...one.options].filter((o) => !o.disabled).map((o) => o.value) : null,
  value: one.value || one.placeholder,
}))"""

CHANGE = """async ({ id, value }) => {
  const control = document.getElementById(id);
  if (!control) return null;
  const main = document.querySelector('main');
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const setter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(control), 'value').set;
  const before = location.hash;
  const begun = performance.now();
  setter.call(control, value);
  control.dispatchEvent(new Event(control.localName === 'select' ? 'change' : 'input', { bubbles: true }));
  if (location.hash === before) return null;
  while (main.getAttribute('aria-busy') === 'false' && performance.now() - begun < 50) await new Promise((done) => setTimeout(done));
  while (main.getAttribute('aria-busy') === 'true') await new Promise((done) => setTimeout(done));
  await frame();
  return performance.now() - begun;
}"""

NUMBERS = (1, 2, 4, 8, 16, 32, 64, 1024, 4096, 8192)

PAUSE = 0.25
"""Seconds between an answer and the next change: nobody types while the answer is not there yet."""


@contextmanager
def fresh(playwright: Playwright) -> Iterator[BrowserContext]:
    """A browser that has never been anywhere, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        context = playwright.chromium.launch_persistent_context(folder, executable_path=path, args=ARGUMENTS)
        yield context
        context.close()


def answered(page: Page, address: str) -> float:
    """Milliseconds from the start of a navigation to the answer."""
    page.goto(address)
    page.wait_for_function("() => window.answeredAt", timeout=60_000)
    return float(page.evaluate("window.answeredAt"))


def opened(playwright: Playwright, address: str) -> dict[str, list[float]]:
    """The first visit of fresh browsers, and the second of each, where the page is kept."""
    times: dict[str, list[float]] = {"first": [], "second": []}
    for _ in range(OPENED):
        with fresh(playwright) as context:
            page = context.new_page()
            page.add_init_script(f"addEventListener('DOMContentLoaded', {WATCH})")
            times["first"].append(answered(page, address + LINK))
            page.wait_for_timeout(3000)  # the service worker keeps the files
            page.goto("about:blank")
            times["second"].append(answered(page, address + LINK))
    return times


def changes(playwright: Playwright, address: str, count: int, seed: int) -> dict[str, list[float]]:
    """Milliseconds of random changes, by panel."""
    found: dict[str, list[float]] = {}
    with fresh(playwright) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 1440, "height": 1000})
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        links = [link.get_attribute("href") or "" for link in page.locator("nav a").all()]
        for link in links:
            panel = link.lstrip("#").partition("?")[0]
            found[panel] = panel_changes(page, address + link, count, random.Random(f"{seed} {panel}"))
    return found


def panel_changes(page: Page, start: str, count: int, draw: random.Random) -> list[float]:
    """Changes of one panel, back at the start every dozen."""
    times: list[float] = []
    for number in range(count * 3):
        if number % 12 == 0:
            page.goto("about:blank")
            page.goto(start)
            page.wait_for_selector("html[data-ready]")
            page.wait_for_selector("main[aria-busy='false']", timeout=60_000)
            page.wait_for_timeout(1500)  # pictures and advice that follow the first answer
        control = draw.choice(page.evaluate(CONTROLS) or [{"id": "", "choices": None}])
        taken = page.evaluate(CHANGE, {"id": control["id"], "value": _value(control, draw)}) if control["id"] else None
        if taken is not None:
            times.append(float(taken))
            time.sleep(PAUSE)
        if len(times) >= count:
            break
    return times


def _value(control: dict[str, Any], draw: random.Random) -> str:
    if control["choices"]:
        return str(draw.choice(control["choices"]))
    return str(draw.choice(NUMBERS))


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    ordered = sorted(times)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]


def summary(times: list[float]) -> dict[str, float]:
    """A row of the table."""
    return {
        "n": len(times),
        "median": round(statistics.median(times), 1),
        "p95": round(p95(times), 1),
        "worst": round(max(times), 1),
    }


def measured(count: int, seed: int) -> dict[str, Any]:
    """Everything."""
    from playwright.sync_api import sync_playwright

    before = os.getloadavg()
    with sync_playwright() as playwright, Server(SITE) as static, Service() as service:
        rows: dict[str, Any] = {}
        for name, address in (("browser", static.address), ("service", service.address)):
            for visit, times in opened(playwright, address).items():
                rows[f"{name}, {visit} visit"] = summary(times)
        for name, address in (("browser", static.address), ("service", service.address)):
            by_panel = changes(playwright, address, count, seed)
            for panel, times in by_panel.items():
                rows[f"{name}, a change: {panel}"] = summary(times)
            rows[f"{name}, a change"] = summary([one for times in by_panel.values() for one in times])
    return {
        "milliseconds": rows,
        "targets": TARGETS,
        "sizes": json.loads(SIZES.read_text("utf-8")),
        "load": {"before": [round(x, 2) for x in before], "after": [round(x, 2) for x in os.getloadavg()]},
        "machine": {"processors": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
    }


def table(found: dict[str, Any], write: Callable[[str], None] = print) -> None:
    """The rows, as Markdown."""
    write("| what | n | median ms | p95 ms | worst ms |")
    write("|---|---:|---:|---:|---:|")
    for name, row in found["milliseconds"].items():
        write(f"| {name} | {row['n']} | {row['median']:,} | {row['p95']:,} | {row['worst']:,} |")
    load = found["load"]
    write(
        f"\nLoad of the machine: {load['before'][0]} before, {load['after'][0]} after; {found['machine']['processors']} processors."
    )


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--changes", type=int, default=60, help="of each panel")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    found = measured(options.changes, options.seed)
    table(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
