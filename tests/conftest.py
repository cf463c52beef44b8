"""Options and helpers that tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.truth import TRUTH

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden outputs anew")
    parser.addoption("--update-docs", action="store_true", help="write the outputs in README and docs anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name under tests/golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, "utf-8")
        assert path.exists(), f"{path} does not exist: make golden writes it"
        assert text == path.read_text("utf-8")

    return check


@pytest.fixture
def shared() -> Path:
    """The folder of measurements beside the repository."""
    if not TRUTH.exists():
        pytest.skip("the folder of measurements beside the repository is missing")
    return TRUTH.parent


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line: exit status, standard output, standard error."""
    from weighbridge.cli import main

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(list(arguments))
        out, err = capsys.readouterr()
        code = ending.value.code
        return (code if isinstance(code, int) else 1), out, err

    return run
