"""The pictures of docs/page.md: ``python -m tests.browser.pictures``, after ``make site``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.browser.driving import ARGUMENTS, Driver
from tests.browser.serving import SITE, Server

FOLDER = Path(__file__).parents[2] / "docs" / "files" / "page"

LARGEST = 200_000
"""Bytes of one picture."""

PICTURES = {
    "parameters": ("#params?model=mixtral-8x7b&x=active", {}),
    "training-dark": ("#train?model=llama-3.1-8b&train.tp=2&train.pp=2", {"look": "dark"}),
    "phone": ("#infer?model=llama-3.1-8b", {"size": "phone", "language": "zh-CN"}),
}
"""What is opened for each, and how."""


def main() -> None:
    """Take them."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with Server(SITE) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for name, (fragment, how) in PICTURES.items():
            page = Driver.opened(browser, server.address, fragment, **how).ready().settled()
            page.page.wait_for_timeout(2500)  # what is asked beside the answer
            page.page.screenshot(path=FOLDER / f"{name}.png")
            page.closed()
            size = (FOLDER / f"{name}.png").stat().st_size
            assert size <= LARGEST, f"{name}: {size:,} bytes"
            print(f"{name}.png: {size:,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
