"""The command line as a stranger meets it: answers, and one line for every mistake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weighbridge.cli import main

Cli = Callable[..., tuple[int, str, str]]

MISTAKES = [
    (
        ["parms"],
        2,
        'no command "parms"; allowed: params, flops, train, megatron, infer',
    ),
    (["params"], 2, "Missing argument 'MODEL'"),
    (["params", "gpt2", "--explian"], 2, "No such option"),
    (["params", "gtp2"], 2, "did you mean gpt2"),
    (["params", "gpt2", "--depth", "0"], 2, "--depth"),
    (["params", "gpt2", "--dtype", "bf61"], 2, 'data type "bf61" is unknown'),
    (["params", "gpt2", "--set", "n_embd"], 2, "expected field=value"),
    (["params", "gpt2", "--set", "n_embd=-5"], 2, "n_embd: got -5; allowed is at least 1"),
    (["params", "gpt2", "--format", "latex"], 2, "add --explain"),
    (["params", "gpt2", "--quantity", "everything"], 2, "--quantity"),
    (["flops", "gpt2", "--seq", "0"], 2, "--seq"),
    (["flops", "gpt2", "--seq", "many"], 2, "--seq"),
    (["flops", "gpt2", "--seq", "99999999999999"], 2, "--seq"),
    (["flops", "gpt2", "--seq", "2000"], 2, "learned positions for at most 1,024"),
    (["flops", "gpt2", "--convention", "intel"], 2, "--convention"),
    (["flops", "gpt2", "--convention", "6nd", "--explain"], 2, "whole training steps only"),
    (["flops", "gpt2", "--convention", "palm", "--decode", "5"], 2, "whole training steps only"),
    (["params", "gpt2", "--quantity", "active"], 2, "add --explain"),
    (["params", "gpt2", "--explain", "--quantity", "prediction"], 2, "no multi-token prediction"),
    (["params", "gpt2", "--json", "--format", "markdown"], 2, "two forms of one output"),
    (["flops", "gpt2", "--attention", "flash"], 2, "training under --convention torch alone"),
    (["flops", "gpt2", "--decode", "5", "--explain", "--quantity", "training"], 2, "forward passes of the main model"),
    (["flops", "deepseek-v3", "--decode", "5", "--mtp"], 2, "forward passes of the main model"),
    (["flops", "gpt2", "--mtp"], 2, "gpt2 has no multi-token prediction"),
    (["flops", "gpt2", "--json", "--depth", "3"], 2, "--depth belongs to"),
    (["params", "gpt2", "--router-dtype", "fp32"], 2, "gpt2 has no router"),
    (["params", "mixtral-8x7b", "--router-dtype", "bf17"], 2, 'router_dtype: data type "bf17" is unknown'),
    (["params", "~nosuchuser/x"], 2, "no catalogue name"),
    (["params", "nemotron-h-8b", "--set", "num_hidden_layers=10"], 2, "worked out from hybrid_override_pattern"),
    (["params", "llama-7b", "--set", "hidden_size=2147483647", "--set", "num_attention_heads=2147483646"], 2, "divide"),
    (["compare", "gpt2", "--csv", "--json"], 2, "choose one"),
    (["compare"], 2, "Missing argument"),
    (["compare", "gpt2", "nothing-like-it"], 2, "nothing-like-it"),
    (["models", "no", "such", "thing"], 2, "no model of the catalogue matches"),
]


def test_an_interrupt_while_the_program_loads_is_one_line() -> None:
    code = (
        "import sys, importlib.abc\n"
        "class Stop(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from weighbridge.cli import main; main()\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "weighbridge: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "status", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else ""
)
def test_a_mistake_is_answered_in_one_line(arguments: list[str], status: int, message: str, cli: Cli) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (status, "")
    assert err.startswith("weighbridge: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("command", [[], ["--help"], ["params", "--help"], ["flops", "-h"], ["--version"]])
def test_help_answers(command: list[str], cli: Cli) -> None:
    code, out, err = cli(*command)
    assert (code, err) == (0, "")
    assert out


def test_a_defect_is_one_line_too(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("something\nbroke")

    monkeypatch.setattr("weighbridge.cli.params.opened", broken)
    code, out, err = cli("params", "gpt2")
    assert (code, out, err.count("\n")) == (70, "", 1)
    assert "internal error, please report it (RuntimeError: something broke)" in err
    monkeypatch.setenv("WEIGHBRIDGE_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        main(["params", "gpt2"])


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("weighbridge.cli.params.opened", interrupted)
    code, _, err = cli("params", "gpt2")
    assert (code, err.strip()) == (130, "weighbridge: interrupted")


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    code = "from weighbridge.cli import main; main()"
    command = f"{sys.executable} -c '{code}' params deepseek-v3 --json | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_text_that_is_piped_away_is_no_error() -> None:
    code = "from weighbridge.cli import main; main()"
    command = f"set -o pipefail; {sys.executable} -c '{code}' flops deepseek-v3 | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("tail", ["--json", "--explain", ""])
def test_a_full_disk_is_no_defect(tail: str) -> None:
    code = "from weighbridge.cli import main; main()"
    command = f"{sys.executable} -c '{code}' params gpt2 {tail} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "weighbridge: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    ("before", "after"), [("", "params gpt2 >&-"), ("PYTHONIOENCODING=ascii", "params nemotron-h-8b")]
)
def test_a_closed_output_and_a_narrow_encoding_are_no_defects(before: str, after: str) -> None:
    code = "from weighbridge.cli import main; main()"
    command = f"{before} {sys.executable} -c '{code}' {after}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_escapes_in_names_do_not_reach_the_terminal(cli: Cli, tmp_path: Path) -> None:
    _, _, err = cli("params", "\x1b[31mred")
    assert "\x1b" not in err
    path = tmp_path / "mine.toml"
    path.write_text('name = "a\\u001b[31mb\\nc"\nmodel_type = "llama"\n', "utf-8")
    code, out, _ = cli("params", str(path))
    assert code == 0
    assert "\x1b" not in out
    assert out.startswith("a�[31mb�c ")


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["params", "gpt2"], ["flops", "gpt2"], ["params", "nothing"], ["compare", "gpt2", "--csv"]):
        cli(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("form", "sign"), [("latex", r"\begin{align*}"), ("markdown", "$$"), ("text", " = ")])
def test_explanations_come_in_three_forms(form: str, sign: str, cli: Cli) -> None:
    code, out, _ = cli("flops", "gpt2", "--explain", "--format", form)
    assert code == 0
    assert sign in out


def test_settings_reach_the_count(cli: Cli) -> None:
    _, out, _ = cli("params", "llama-3.1-8b", "--set", "num_hidden_layers=1", "--set", "tie_word_embeddings=true")
    assert "743,452,672 parameters" in out
