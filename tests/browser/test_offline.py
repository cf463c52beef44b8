"""Without a network: after loading, and from the beginning; and as an application that can be installed."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.browser.serving import Server


def test_the_network_cut_after_loading(visit: Any) -> None:
    page = visit().ready()
    page.page.wait_for_function("() => navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.open("Model")
    page.page.get_by_role("button", name="Type the sizes").click()  # asks for pydantic, which came with the rest
    page.page.get_by_role("button", name="worked example").click()
    page.shows("14,316,308,480")
    page.figure("14.3B")
    page.explains("14,316,308,480")
    for link in page.page.locator("nav a").all():
        link.click()
        page.settled()
    assert page.page.locator(".told.failed").count() == 0


def test_loading_without_a_network(visit: Any) -> None:
    page = visit().ready()
    page.until("navigator.serviceWorker.ready.then(() => true)")
    page.until("navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)
    page.page.reload()
    page.ready()
    page.open("Model")
    page.page.locator("#model-search").press_sequentially("gpt2")
    page.page.keyboard.press("Enter")
    page.shows("124,439,808")
    other = page.context.new_page()
    other.goto(page.where())
    other.wait_for_selector("html[data-ready]")
    other.wait_for_function("() => document.querySelector('main').innerText.includes('124,439,808')")


def test_it_can_be_installed(visit: Any, server: Server) -> None:
    page = visit().ready()
    session = page.context.new_cdp_session(page.page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert manifest["display"] == "standalone"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        with urllib.request.urlopen(server.address + icon["src"]) as reply:
            assert reply.headers["content-type"] == "image/svg+xml"
    problems = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [one["errorId"] for one in problems if one["errorId"] != "in-incognito"] == []
