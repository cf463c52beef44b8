"""Build the wheel, install it with the extra ``serve`` into an environment of its own, and ask what it serves.

``python -m tools.check_wheel`` (``make wheel-check``, after ``make site``) ends with status 1 and a line where the
wheel has not the page, or has what it is built from, or where ``weighbridge serve`` does not answer. The second part
takes the page away and asks again: the service must answer all the same, and say how to build it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIP = ("--quiet", "--disable-pip-version-check")
SOURCES = ("web/app/", "web/make/", "web/node_modules/", "web/package")


def run(*words: str | Path) -> None:
    """Run a command that must succeed."""
    subprocess.run([str(word) for word in words], check=True, cwd=ROOT)


def built(folder: Path) -> Path:
    """The wheel of this repository.

    Raises:
        SystemExit: where it has not what it should.
    """
    run(sys.executable, "-m", "pip", "wheel", *PIP, "--no-deps", "--wheel-dir", folder, ".")
    (wheel,) = folder.glob("weighbridge-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    site = [name for name in names if name.startswith("weighbridge/web/site/")]
    if "weighbridge/web/site/index.html" not in site:
        raise SystemExit("the wheel has no page: make site builds it")
    if wrong := [name for name in names if any(f"weighbridge/{part}" in name for part in SOURCES)]:
        raise SystemExit(f"the wheel has sources of the page: {wrong[0]}")
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {len(names)} files, {len(site)} of the page")
    return wheel


@contextmanager
def serving(program: Path) -> Iterator[str]:
    """The address of a service that runs, and must end with 0."""
    process = subprocess.Popen([program, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = ""
    for line in process.stdout:
        record = json.loads(line)
        if record["message"] == "listening":
            address = f"http://127.0.0.1:{record['port']}"
        if record["message"] == "ready":
            break
    try:
        yield address
    finally:
        process.terminate()
        process.stdout.read()
        status = process.wait(60)
    if status != 0:
        raise SystemExit(f"weighbridge serve ended with {status}")


def asked(address: str, question: str = "") -> tuple[str, bytes]:
    """Media type and body of what a place or a question is answered with."""
    headers = {"Content-Type": "application/json"} if question else {}
    request = urllib.request.Request(address, question.encode() or None, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.headers["Content-Type"], response.read()


def check(program: Path, page: bytes) -> None:
    """Ask the service of an environment; its page must hold these words.

    Raises:
        SystemExit: where it does not answer as it should.
    """
    with serving(program) as address:
        total = json.loads(asked(f"{address}/api/v1/params", '{"model":"gpt2"}')[1])["parameters"]["total"]
        kind, body = asked(f"{address}/")
    if total != 124_439_808 or not kind.startswith("text/html") or page not in body:
        raise SystemExit(f"{program}: {total:,} parameters; {kind}; {body[:200]!r}")
    print(f"served: {total:,} parameters of gpt2, and a page of {len(body):,} bytes with {page.decode()}")


def main() -> None:
    """Build, install, ask."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = built(folder)
        venv.create(folder / "own", with_pip=True)
        programs = folder / "own" / "bin"
        both = [f"--constraint={ROOT / 'constraints' / part}.txt" for part in ("core", "serve")]
        run(programs / "pip", "install", *PIP, *both, f"{wheel}[serve]")
        check(programs / "weighbridge", b"weighbridge-service")
        (site,) = (folder / "own").glob("lib/python*/site-packages/weighbridge/web/site")
        shutil.rmtree(site)
        check(programs / "weighbridge", b"make site")


if __name__ == "__main__":
    main()
