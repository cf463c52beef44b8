"""How it looks: light and dark, wide and phone, on paper; and axe, which finds nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.driving import Driver
from tests.browser.taking import axe


def panels(page: Driver) -> list[str]:
    """The panels' ids, in the order of the tabs."""
    links = page.page.locator("nav a").all()
    return [(link.get_attribute("href") or "").lstrip("#").partition("?")[0] for link in links]


def go(page: Driver, panel: str) -> None:
    """Go to a panel and wait for its answer."""
    page.page.locator(f"nav a[href^='#{panel}']").click()
    page.page.wait_for_selector(f"nav a[href^='#{panel}'][aria-current]")
    page.settled()


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_panel(visit: Any, size: str, look: str) -> None:
    """Axe, pictures, no error, and no scrolling sideways; folded, open, and with the drawer."""
    page = visit(engine="service", size=size, look=look).ready()
    found = {}
    for panel in panels(page):
        go(page, panel)
        page.page.wait_for_timeout(300)
        assert page.page.locator(".told").count() == 0, panel
        page.shot(f"{panel}-{size}-{look}", whole=True)
        if page.page.locator("main .figure").count():
            page.page.locator("main .figure").first.click()
            page.page.wait_for_selector("#drawer .equation")
            page.shot(f"{panel}-drawer-{size}-{look}")
            found[panel, "drawer"] = axe(page)
            page.page.keyboard.press("Escape")
        page.unfold()
        found[panel, "open"] = axe(page)
        page.shot(f"{panel}-open-{size}-{look}", whole=True)
        assert page.narrow() <= 0, panel
    assert not {where: wrong for where, wrong in found.items() if wrong}


@pytest.mark.parametrize("language", ["en-GB", "zh-CN", "zh-TW"])
def test_nothing_scrolls_sideways_on_a_narrow_phone(visit: Any, language: str) -> None:
    page = visit(engine="service", size="narrow", language=language).ready()
    for panel in panels(page):
        go(page, panel)
        assert page.narrow() <= 0, panel
        page.unfold()
        assert page.narrow() <= 0, panel


def test_the_drawer_comes_from_below_on_a_phone(visit: Any) -> None:
    page = visit(size="phone", engine="service").ready()
    page.page.locator("main .figure").first.click()
    page.page.wait_for_selector("#drawer .equation")
    box = page.page.locator("#drawer").bounding_box()
    assert box["y"] > 200
    assert abs(box["y"] + box["height"] - 844) < 2
    assert page.narrow() <= 0
    page.page.get_by_role("button", name="Close").click()
    page.page.wait_for_selector("#drawer", state="detached")


def test_dark_is_chosen_and_stays(visit: Any) -> None:
    page = visit(engine="service").ready()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.page.evaluate(ground)
    page.page.get_by_label("Colours").select_option("dark")
    assert page.page.evaluate(ground) != light
    page.page.reload()
    page.ready()
    assert page.page.evaluate("document.documentElement.dataset.look") == "dark"
    page.page.get_by_label("Colours").select_option("auto")
    assert page.page.evaluate(ground) == light


def test_on_paper(visit: Any) -> None:
    """Printed in black on white, without controls, whatever the colours of the screen; tables whole."""
    page = visit(look="dark", engine="service").ready()
    page.page.emulate_media(media="print")
    for hidden in (".fields", ".head nav", ".head .tools", ".saves", "main button.quiet"):
        assert not page.page.locator(hidden).first.is_visible(), hidden
    assert page.page.locator(".sentence .large").is_visible()
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.shot("paper", whole=True)
