"""``weighbridge train --lora``: what it prints, and mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]

LLAMA = ("train", "llama-3.1-8b", "--cluster", "1xRTX-4090", "--framework", "hf-sdpa", "--seq", "1024")

MISTAKES = [
    (["--lora", "r=0"], '--lora: r: got "0"; allowed: a whole number from 1'),
    (["--lora", "targets=q_proj"], "it needs the rank, such as r=16"),
    (["--lora", "r=8,targets=q_pro"], '--lora: targets: "q_pro" meets no module; did you mean q_proj'),
    (["--lora", "r=8,target=q_proj"], "did you mean targets"),
    (["--lora", "r=8,r=9"], "r: given twice"),
    (["--lora", "r=8,dora=maybe"], "dora: got"),
    (["--lora", "r=8,bias=some"], "bias: got"),
    (["--lora", "r=8,dropout=1"], "dropout: got"),
    (["--lora", "r=8,alpha=x"], "alpha: got"),
    (["--lora", "r=8,targets=all-linear,foo=1"], '--lora: "foo=1": allowed: r, targets'),
    (["--lora", "r=8,alpha=nan"], "alpha: got"),
    (["--lora", "r=8,dtype=fp8"], "dtype: got"),
    (["--quant", "nf4"], "add --lora"),
    (["--lora", "r=8", "--quant", "nf5"], "did you mean nf4"),
    (["--freeze", "embeding"], "did you mean embedding"),
    (["--freeze", ","], "--freeze"),
    (["--samples", "10"], "add the other"),
    (["--packed"], "add --lengths, or --samples"),
    (["--samples", "10", "--mean-length", "2000"], "--mean-length"),
    (["--samples", "10", "--mean-length", "20", "--batched"], "--batched: how long the longest"),
    (["--samples", "10", "--mean-length", "20", "--lengths", "5x5"], "--lengths says how many"),
    (["--samples", "10", "--mean-length", "20", "--price", "-1"], "--price: got -1"),
    (["--price", "2.5"], "--price: of what a run costs"),
    (["--lengths", "5x5,x"], '--lengths: got "x"; expected samples x tokens'),
    (["--lengths", "0x5"], "allowed is a whole number from 1"),
    (["--lengths", "5x0"], "allowed is a whole number from 1"),
    (["--lengths", "5x99999999999999999999999"], "allowed is a whole number from 1"),
    (["--lengths", "no-such-file"], "expected lengths such as 3000x512"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES)
def test_mistakes(cli: Cli, options: list[str], words: str) -> None:
    status, out, err = cli(*LLAMA, *options)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_no_adapter_where_the_head_runs_with_its_loss(cli: Cli) -> None:
    options = ("--framework", "unsloth", "--seq", "512", "--lora", "r=8,targets=lm_head")
    status, _, err = cli("train", "llama-3.1-8b", "--cluster", "1xA100", *options)
    assert status == 2
    assert "--lora: targets: the head runs in one function with its loss (fused parts)" in err


def test_half_of_a_tensor_of_experts(cli: Cli) -> None:
    options = ("--framework", "hf-sdpa", "--seq", "512", "--lora", "r=8,targets=w1")
    status, _, err = cli("train", "mixtral-8x7b", "--cluster", "8xA100", *options)
    assert status == 2
    assert "--lora: targets: w1 and w3 of experts are one tensor; name both, or neither" in err


def test_an_embedding_can_have_an_adapter(cli: Cli) -> None:
    status, out, _ = cli(*LLAMA, "--lora", "r=8,targets=embed_tokens")
    assert status == 0
    assert f"trained  {8 * (128_256 + 4096):,} of " in out


def test_a_format_that_the_device_cannot_run(cli: Cli) -> None:
    status, _, err = cli("train", "llama-3.1-8b", "--cluster", "1xA100", "--lora", "r=8", "--quant", "fp8-block")
    assert status == 2
    assert "--quant: fp8 takes compute capability 8.9 or higher" in err


def test_what_is_trained_is_said(cli: Cli) -> None:
    status, out, _ = cli(*LLAMA, "--lora", "r=16,targets=all-linear,alpha=32", "--quant", "nf4")
    assert status == 0
    assert "trained  41,943,040 of 8,072,204,288 parameters (0.5 %)" in out
    assert "longest sequence that fits" in out
    assert "measured runs of this kind (fine-tuning, transformers)" in out


def test_json(cli: Cli) -> None:
    options = ("--lora", "r=8,targets=q_proj,v_proj,dora", "--samples", "1000", "--mean-length", "300", "--packed")
    _, out, _ = cli(*LLAMA, *options, "--json")
    found = json.loads(out)["tuning"]
    assert found["trained_parameters"] == 32 * (8 * (4096 + 4096) + 8 * (4096 + 1024) + 4096 + 1024)
    assert found["epoch"]["sequences"] == 293
    _, plain, _ = cli(*LLAMA, "--json")
    assert json.loads(plain)["tuning"] is None


def test_lengths_and_a_price(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lengths.txt"
    file.write_text("256\n256\n\n4096\n")
    options = ("--lora", "r=8", "--batched", "--price", "3.60", "--json")
    _, out, _ = cli(*LLAMA, *options, "--lengths", str(file))
    found = json.loads(out)["tuning"]["epoch"]
    assert (found["samples"], found["tokens"], found["cut_samples"], found["laid"]) == (3, 1536, 1, "batched")
    assert found["dollars"] == pytest.approx(found["seconds"] / 1000)
    assert json.loads(cli(*LLAMA, *options, "--lengths", "2x256,1x4096")[1])["tuning"]["epoch"] == found
    file.write_text("256\nlong\n")
    assert 'lengths.txt, entry 2: got "long"' in cli(*LLAMA, "--lora", "r=8", "--lengths", str(file))[2]


def test_a_reference_model(cli: Cli) -> None:
    _, out, _ = cli(*LLAMA, "--reference", "--json")
    assert json.loads(out)["tuning"]["reference"] is True
    _, _, err = cli(*LLAMA, "--reference", "--lora", "r=8")
    assert "--reference: adds nothing under --lora" in err


@pytest.mark.parametrize(
    "framework", ["torchtune", "torchtune-compiled", "litgpt", "hf-eager", "torchtitan", "megatron"]
)
def test_frameworks(cli: Cli, framework: str) -> None:
    arguments = ["train", "qwen3-8b", "--cluster", "1xH100", "--framework", framework, "--lora", "r=8", "--seq", "512"]
    status, out, _ = cli(*arguments)
    assert status == 0
    assert "trained  21,823,488 of" in out
