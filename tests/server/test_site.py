"""The page's files as the service sends them: media types, caching by the hash in a name, packing, its own policy."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import Running, served
from tests.server.test_problems import check
from weighbridge.server.headers import PAGE
from weighbridge.server.settings import SITE
from weighbridge.server.site import FOR_EVER, HASHED

FILES = {
    "index.html": b"<!doctype html>\n<html>\n  <head>\n    <title>x</title></head><body></body></html>",
    "sw.js": b"// no hash: asked for again",
    "manifest.webmanifest": b"{}",
    "assets/main-ZWCI57AX.js": b"export const x = 1;\n" * 200,
    "assets/main-YVYRLRBP.css": b"a{}",
    "assets/KaTeX_Main-Bold-YP5VVQRP.woff2": b"wOF2",
    "assets/icon-maskable-da78bb8f6bfb.svg": b"<svg/>",
    "python/5743a7c2cd02/pyodide.asm.wasm": b"\0asm" + b"\1" * 5000,
    "python/5743a7c2cd02/pyodide.asm.mjs": b"export {}",
    "python/5743a7c2cd02/python_stdlib.zip": b"PK" + b"\2" * 5000,
    "python/core-d68c45c87e49.pack": b"\x1f\x8b" + b"\3" * 5000,
}

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "sw.js": "text/javascript; charset=utf-8",
    "manifest.webmanifest": "application/manifest+json",
    "assets/main-ZWCI57AX.js": "text/javascript; charset=utf-8",
    "assets/main-YVYRLRBP.css": "text/css; charset=utf-8",
    "assets/KaTeX_Main-Bold-YP5VVQRP.woff2": "font/woff2",
    "assets/icon-maskable-da78bb8f6bfb.svg": "image/svg+xml",
    "python/5743a7c2cd02/pyodide.asm.wasm": "application/wasm",
    "python/5743a7c2cd02/pyodide.asm.mjs": "text/javascript",
    "python/5743a7c2cd02/python_stdlib.zip": "application/zip",
    "python/core-d68c45c87e49.pack": "application/octet-stream",
}

ASKED_AGAIN = {"index.html", "sw.js", "manifest.webmanifest"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with a page of these files."""
    folder = tmp_path_factory.mktemp("site")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with served("--site", str(folder)) as running:
        yield running


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_with_its_type_its_time_and_the_policy_of_the_page(name: str, site: Running) -> None:
    answer = site.get(f"/{name}")
    assert (answer.status, answer.headers["content-type"]) == (200, TYPES[name])
    assert answer.headers["cache-control"] == ("no-cache" if name in ASKED_AGAIN else FOR_EVER)
    assert answer.headers["content-security-policy"] == PAGE
    assert answer.headers["x-content-type-options"] == "nosniff"
    if name != "index.html":
        assert answer.body == FILES[name]


def test_the_page_is_told_that_a_service_answers(site: Running) -> None:
    for path in ("/", "/index.html"):
        assert re.search(rb'<head>\s*<meta name="weighbridge-service" content="[0-9.]+', site.get(path).body)
    assert b"weighbridge-service" not in FILES["index.html"]


def test_files_are_packed_once_where_that_makes_them_smaller(site: Running) -> None:
    for name in ("assets/main-ZWCI57AX.js", "python/5743a7c2cd02/pyodide.asm.wasm"):
        for _ in range(2):
            answer = site.get(f"/{name}", accept_encoding="gzip")
            assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
            assert gzip.decompress(answer.body) == FILES[name]
            assert answer.headers["content-type"] == TYPES[name]
    for name in ("python/5743a7c2cd02/python_stdlib.zip", "python/core-d68c45c87e49.pack"):
        assert site.get(f"/{name}", accept_encoding="gzip").body == FILES[name]


def test_a_file_that_is_known_is_not_sent_again(site: Running) -> None:
    first = site.get("/sw.js")
    again = site.get("/sw.js", if_none_match=first.headers["etag"])
    assert (again.status, again.body, again.headers["cache-control"]) == (304, b"", "no-cache")


def test_a_part_of_a_file_is_that_part(site: Running) -> None:
    answer = site.get("/python/5743a7c2cd02/pyodide.asm.wasm", range="bytes=0-3", accept_encoding="gzip")
    assert (answer.status, answer.body) == (206, b"\0asm")


@pytest.mark.parametrize("path", ["/nothing.js", "/../settings.py", "/%2e%2e/settings.py", "/assets", "/python/"])
def test_nothing_else_is_sent(path: str, site: Running) -> None:
    check(site.get(path), 404, "not-found")


def test_files_are_read_only(site: Running) -> None:
    check(site.send("POST", "/index.html", b"x"), 405, "method")


def test_the_interface_stays_beside_the_page(site: Running) -> None:
    assert site.ask("params", {"model": "gpt2"}).status == 200
    check(site.get("/api/v1/nothing"), 404, "not-found")
    check(site.ask("fit", {}), 404, "not-found")
    answer = site.get("/api/v1/params")
    check(answer, 405, "method")
    assert answer.headers["allow"] == "POST"
    check(site.send("POST", "/health"), 405, "method")
    assert site.get("/health").data["status"] == "ok"


def test_hashes_in_names_are_those_that_the_build_writes() -> None:
    assert not HASHED.search("assets/maskable-icons.svg")
    assert not HASHED.search("python/standard-library.zip")
    if not (SITE / "index.html").is_file():
        pytest.skip("the page is not built: make site builds it")
    names = {str(path.relative_to(SITE)) for path in SITE.rglob("*") if path.is_file()}
    assert {name for name in names if not HASHED.search(name)} == ASKED_AGAIN


def test_without_a_page_the_service_answers_and_says_how_to_build_it(tmp_path: Path) -> None:
    code = "import weighbridge.server.settings as s, pathlib; s.SITE = pathlib.Path('/nowhere')"
    with served(before=code) as running:
        answer = running.get("/")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"make site" in answer.body
        assert running.ask("params", {"model": "gpt2"}).status == 200
