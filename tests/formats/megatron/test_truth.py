"""The published argument lists of Megatron-LM's functional tests, and the example script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.formats.megatron.samples import TRUTH, rows, words
from weighbridge.estimate.parameters import params
from weighbridge.formats.megatron import load

EXAMPLE = Path(__file__).parents[3] / "examples" / "megatron_mixtral_8x7b.sh"


@pytest.mark.skipif(not TRUTH.exists(), reason=f"{TRUTH} is not here")
def test_every_published_list_is_read() -> None:
    for row in rows():
        known = {"--vocab-size", "--padded-vocab-size"} & set(row["arguments"])
        environment = {name: str(value) for name, value in row["env_vars"].items()}
        found = load(words(row["arguments"]), row["gpus"], None if known else 50257, environment)
        wrong = [line for line in found.warnings if "no such argument" in line or "belongs to no" in line]
        assert wrong == [], row["case"]


def test_the_example_script_runs_without_a_gpu(tmp_path: Path) -> None:
    stub = tmp_path / "weighbridge"
    stub.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {tmp_path}/words\n')
    stub.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", str(EXAMPLE)], check=True, env={**os.environ, "PATH": path}, timeout=60)
    command, dashes, *launch = (tmp_path / "words").read_text().splitlines()
    assert (command, dashes, launch[0]) == ("megatron", "--", "torchrun")
    found = load(launch, environment={})
    assert found.world_size == 64
    assert found.warnings == ()
    assert params(found.model).total == 46_702_792_704  # mistralai/Mixtral-8x7B-v0.1


def test_the_example_script_differs_in_one_line() -> None:
    lines = EXAMPLE.read_text().splitlines()
    changed = [place for place, line in enumerate(lines) if line.startswith("weighbridge megatron -- torchrun ")]
    assert len(changed) == 1
    before = lines[changed[0] - 1]
    assert before.startswith("#")
    assert lines[changed[0]].removeprefix("weighbridge megatron -- ") in before
