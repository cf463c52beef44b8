"""A real browser on the built page: ``make browser``. Without Playwright none of these tests are collected."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.driving import ARGUMENTS, SHOTS, Driver
from tests.browser.serving import SITE, Server, Service

if TYPE_CHECKING:
    from playwright.sync_api import Browser

collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that failed, ``visit`` keeps pictures."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built page."""
    if not (SITE / "index.html").exists():
        pytest.skip("the page is not built: make site builds it")
    return SITE


@pytest.fixture(scope="session")
def server(built: Path) -> Iterator[Server]:
    """The built site on a port of this machine, with the headers of a careful host."""
    with Server(built) as running:
        yield running


@pytest.fixture(scope="session")
def service(built: Path) -> Iterator[Service]:
    """``weighbridge serve`` on a port of this machine."""
    with Service() as running:
        yield running


@pytest.fixture(params=["browser", "service"])
def engine(request: pytest.FixtureRequest) -> Any:
    """Both engines, for tests that give it to ``visit``."""
    return request.param


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or another that CHROMIUM names; one for all tests."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium: make browser installs it")
    SHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Opens the page: ``visit("#params?model=gpt2", look="dark", engine="service")``.

    What the browser complains of fails the test. What only the page decides is mostly checked with the service behind
    it, which answers sooner than a Python that has to load first; test_engines.py shows that both give the same bytes.
    """
    drivers: list[Driver] = []

    def open_page(fragment: str = "", engine: str = "browser", **how: Any) -> Driver:
        serving = request.getfixturevalue("server" if engine == "browser" else "service")
        driver = Driver.opened(chromium, serving.address, fragment, **how)
        drivers.append(driver)
        return driver

    yield open_page
    if request.node.stash.get(FAILED, False):
        for place, driver in enumerate(drivers):
            driver.shot(f"failed-{request.node.name}-{place}")
    complaints = [complaint for driver in drivers for complaint in driver.closed()]
    assert not complaints, complaints


@pytest.fixture
def configurations(shared: Path) -> list[Path]:
    """Real configuration files beside the repository."""
    found = sorted((shared / "truth" / "hf_configs").glob("*_config.json"))
    if not found:
        pytest.skip("the folder of configuration files beside the repository is missing")
    return [path for path in found if not path.name.endswith("hf_quant_config.json")]
