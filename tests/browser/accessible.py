"""What axe finds that a keyboard, a screen reader or a weak eye would stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.driving import Driver

AXE = Path(__file__).parents[2] / "src" / "weighbridge" / "web" / "node_modules" / "axe-core" / "axe.min.js"

RUN = """async () => (await axe.run(document)).violations.map(({ id, nodes }) =>
  `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)"""


def violations(page: Driver) -> list[str]:
    """Every rule that is broken, with the elements that break it."""
    page.page.evaluate(AXE.read_text("utf-8"))  # evaluated by the browser's tools, beside the policy of the page
    found: list[str] = page.page.evaluate(RUN)
    return found
