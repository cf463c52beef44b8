"""Without a mouse: everything is reached, seen and left by keys."""

from __future__ import annotations

from typing import Any

FOCUSED = """() => {
  const one = document.activeElement;
  return (one.getAttribute('aria-label') ?? one.innerText ?? '').trim().split('\\n')[0] || one.id;
}"""


def focused(page: Any) -> str:
    """What has the focus, in a few words."""
    said: str = page.page.evaluate(FOCUSED)
    return said


def until(page: Any, name: str, most: int = 80) -> None:
    """Press Tab until something has the focus."""
    seen = []
    for _ in range(most):
        page.page.keyboard.press("Tab")
        seen.append(focused(page))
        if name in seen[-1]:
            return
    raise AssertionError(f"{name} was not reached: {seen}")


def test_the_first_key_leads_to_the_answer(visit: Any) -> None:
    page = visit(engine="service").ready()
    page.page.keyboard.press("Tab")
    assert focused(page) == "To the answer"
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "answer"
    until(page, "parameters", 3)


def test_a_walk(visit: Any) -> None:
    """Choose a model, explain a figure, open its parts, close the drawer, unfold the table, change the panel."""
    page = visit(engine="service").ready()
    page.settled()
    until(page, "Model")
    page.page.keyboard.press("Enter")
    until(page, "model-search")
    page.page.keyboard.type("mixtral 8x7b")
    page.page.keyboard.press("Enter")
    page.shows("46,702,792,704")
    until(page, "All parameters")
    page.page.keyboard.press("Enter")
    page.explains("46,702,792,704")
    assert focused(page) == "How it is worked out"
    until(page, "layer")
    page.page.keyboard.press("Enter")
    assert page.page.locator("#drawer details[open]").count() == 1
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector("#drawer", state="detached")
    assert "All parameters" in focused(page)
    until(page, "Open 32 × DecoderLayer")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("main button[aria-label^='Close 32']")
    page.page.keyboard.press("Shift+Tab")


def test_focus_is_seen(visit: Any) -> None:
    page = visit(engine="service").ready()
    for _ in range(12):
        page.page.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement)"
        assert page.page.evaluate(f"{style}.outlineStyle") != "none", focused(page)


def test_folding_and_sorting_the_modules(visit: Any) -> None:
    page = visit("#params?model=mixtral-8x7b", engine="service").ready()
    page.shows("46,702,792,704")
    rows = page.page.locator("main table").first.locator("tbody tr")
    folded = rows.count()
    page.page.get_by_role("button", name="Open 32 × DecoderLayer").click()
    assert rows.count() > folded
    page.press("Open all")
    whole = rows.count()
    assert whole > folded + 3
    header = page.page.get_by_role("button", name="parameters", exact=True)
    header.click()
    sums = page.page.evaluate(
        "() => [...document.querySelectorAll('main table')][0].querySelectorAll('tbody tr:not(.total)').length"
    )
    assert sums == whole - 1
    assert page.page.locator("th[aria-sort='descending']").count() == 1
    first = rows.first.inner_text()
    assert "DecoderLayer" in first
    page.press("Close all")
    assert rows.count() == folded
