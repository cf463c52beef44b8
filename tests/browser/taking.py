"""What a person takes from the page: files that are saved, read as those who get them read them; and what axe finds."""

from __future__ import annotations

import csv
import io
import shlex
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.driving import Driver

if TYPE_CHECKING:
    from playwright.sync_api import Locator

AXE = Path(__file__).parents[2] / "src" / "weighbridge" / "web" / "node_modules" / "axe-core" / "axe.min.js"

FOUND = """async () => {
  const found = await axe.run(document, { resultTypes: ['violations'] });
  return found.violations.flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.target} ${one.failureSummary}`));
}"""


def saved(page: Driver, button: Locator) -> tuple[str, bytes]:
    """The name and the bytes of the file that a button saves."""
    with page.page.expect_download() as saving:
        button.click()
    return saving.value.suggested_filename, Path(saving.value.path()).read_bytes()


def rows(data: bytes) -> list[list[str]]:
    """A CSV file as a spreadsheet reads it."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def table(page: Driver, title: str) -> list[list[str]]:
    """The rows of a table, as its CSV has them."""
    view = page.page.locator("main .view", has=page.page.get_by_role("heading", name=title, exact=True))
    return rows(saved(page, view.get_by_role("button", name="Save as CSV").first)[1])


def pixels(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose every line of pixels is there (PNG specification, chunks IHDR and IDAT)."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, size = 8, b"", (0, 0, 0, 0)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        size = struct.unpack(">IIBB", body[:10]) if kind == b"IHDR" else size
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colour = size
    channels = {2: 3, 6: 4}[colour]
    assert len(zlib.decompress(packed)) == height * (1 + width * channels * depth // 8)
    return width, height


def printed(command: str) -> bytes:
    """What a line of the command line prints."""
    program, *words = shlex.split(command)
    assert program == "weighbridge"
    run = [sys.executable, "-c", "from weighbridge.cli import main; main()", *words]
    return subprocess.run(run, capture_output=True, check=True).stdout


def axe(page: Driver) -> list[str]:
    """What axe finds wrong."""
    page.page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.page.evaluate(FOUND)
    return found
