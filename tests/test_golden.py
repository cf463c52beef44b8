"""Golden outputs: what every report prints, word for word. ``make golden`` writes them anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = {
    "params-llama-3.1-8b.txt": ["params", "llama-3.1-8b"],
    "params-deepseek-v3.txt": ["params", "deepseek-v3"],
    "params-deepseek-v3-depth-4.txt": ["params", "deepseek-v3", "--depth", "4"],
    "params-nemotron.txt": ["params", "nemotron-3-nano-30b-a3b", "--router-dtype", "fp32"],
    "params-gpt2.md": ["params", "gpt2", "--format", "markdown"],
    "params-qwen3-next.json": ["params", "qwen3-next-80b-a3b", "--json"],
    "explain-llama-3.1-8b.txt": ["params", "llama-3.1-8b", "--explain"],
    "explain-llama-3.1-8b.tex": ["params", "llama-3.1-8b", "--explain", "--format", "latex"],
    "explain-llama-3.1-8b.md": ["params", "llama-3.1-8b", "--explain", "--format", "markdown", "--depth", "3"],
    "explain-deepseek-v3.txt": ["params", "deepseek-v3", "--explain"],
    "explain-qwen3-next-bytes.txt": ["params", "qwen3-next-80b-a3b", "--explain", "--quantity", "bytes"],
    "flops-llama-3.1-8b.txt": ["flops", "llama-3.1-8b"],
    "flops-gemma-2-2b-torch.txt": ["flops", "gemma-2-2b", "--convention", "torch", "--seq", "8192", "--batch", "2"],
    "flops-gpt2-decode.txt": ["flops", "gpt2", "--seq", "500", "--decode", "100"],
    "flops-mixtral-palm.txt": ["flops", "mixtral-8x7b", "--convention", "palm"],
    "flops-mamba.json": ["flops", "mamba-codestral-7b", "--json", "--decode", "16"],
    "explain-flops-mixtral.txt": ["flops", "mixtral-8x7b", "--explain", "--quantity", "training"],
    "compare.txt": ["compare", "gpt2", "llama-7b", "deepseek-v3"],
    "compare.csv": ["compare", "gpt2", "llama-7b", "deepseek-v3", "--csv"],
    "compare.md": ["compare", "gpt2", "llama-7b", "--markdown"],
    "models-gpt.txt": ["models", "gpt"],
    "models-gpt.json": ["models", "gpt2", "--json"],
    "help.txt": ["--help"],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str, cli: Callable[..., tuple[int, str, str]], golden: Callable[[str, str], None]) -> None:
    status, out, err = cli(*GOLDEN[name])
    assert (status, err) == (0, "")
    text = "\n".join(line.rstrip() for line in out.splitlines()) + "\n"
    golden(name, text)
    if name.endswith(".json"):
        json.loads(text)
    if name.endswith(".txt"):
        assert max(map(len, text.splitlines())) <= 100, "no line is longer than the window"


def test_no_golden_file_is_left_over() -> None:
    folder = Path(__file__).parent / "golden"
    assert {path.name for path in folder.iterdir()} == {*GOLDEN, "counts.json"}
