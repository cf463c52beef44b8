"""Lines that ``train --explain`` opens: sums of a rank, passes of a stage, an epoch, what is trained."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from weighbridge.report.time_schema import figure

Cli = Callable[..., tuple[int, str, str]]

SUMS = {
    "peak_allocated": "peak_allocated_bytes",
    "static_allocated": "static_allocated_bytes",
    "parameters": "parameters",
    "free": "free_bytes",
    "device_total": "device_total_bytes",
}
"""Sums of a rank by line, and where the answer has them."""

RANKS = (
    ("mixtral-8x7b", "--cluster", "64xH100", "--ep", "8", "--pp", "2"),
    ("llama-3.1-8b", "--cluster", "8xH100", "--framework", "torchtitan"),
    ("gpt2", "--cluster", "1xH100", "--seq", "8", "--precision", "fp16"),  # highest in the optimizer's step
    ("llama-3.1-8b", "--cluster", "1xH100", "--lora", "r=16", "--quant", "nf4"),
)


@pytest.mark.parametrize("asked", RANKS, ids=" ".join)
def test_sums_of_a_rank_are_explained(asked: tuple[str, ...], cli: Cli) -> None:
    for line, key in SUMS.items():
        data = json.loads(cli("train", *asked, "--json", "--tree", "--explain", "--line", line)[1])
        rank, first = data["ranks"][data["worst_stage"]], data["explanation"][0]
        assert (first["symbol"], first["value"]) == (line, rank[key])
    for line in ("weights_and_optimizer", "activations_and_buffers", "bytes_per_parameter"):
        data = json.loads(cli("train", *asked, "--json", "--tree", "--explain", "--line", line)[1])
        of = data["gpu"]
        assert data["explanation"][0]["value"] == of.get(line, of.get(f"{line}_bytes"))


def test_sums_open_down_to_the_configuration(cli: Cli) -> None:
    out = cli("train", "llama-3.1-8b", "--cluster", "8xH100", "--tp", "2", "--explain", "--line", "peak_allocated")[1]
    assert "peak_allocated = weights + gradients + main_parameters + optimizer + activations" in out
    assert "head_dim = hidden_size / num_attention_heads" in out
    out = cli("train", "llama-3.1-8b", "--cluster", "8xH100", "--explain", "--line", "free")[1]
    assert "free = capacity - device_total" in out
    assert "bytes_per_parameter = weights_and_optimizer / parameters" in " ".join(
        cli("train", "gpt2", "--cluster", "8xH100", "--explain", "--line", "bytes_per_parameter")[1].split()
    )


def test_passes_of_every_stage_are_explained(cli: Cli) -> None:
    asked = ("train", "llama-3.1-8b", "--cluster", "16xH100", "--tp", "2", "--pp", "2", "--json", "--explain")
    for number in (0, 1):
        data = json.loads(cli(*asked, "--line", "passes", "--stage", str(number))[1])
        stage, steps = data["time"]["stages"][number], data["explanation"]
        for name in (
            "forward_seconds",
            "backward_seconds",
            "weights_awaited_seconds",
            "gradients_and_optimizer_seconds",
        ):
            (step,) = (one for one in steps if one["symbol"] == name)
            assert figure(step["value"]) == stage[name]
        (forward,) = (one for one in steps if one["symbol"] == "forward_seconds")
        assert sum(forward["symbols"].values()) == pytest.approx(stage["forward_seconds"])


EPOCHS = (("--packed",), ("--padded",))


@pytest.mark.parametrize("laid", EPOCHS, ids=" ".join)
def test_an_epoch_is_explained(laid: tuple[str, ...], cli: Cli) -> None:
    asked = (
        "train",
        "gpt2",
        "--cluster",
        "2xH100",
        "--samples",
        "52000",
        "--mean-length",
        "300",
        "--price",
        "2",
        *laid,
    )
    data = json.loads(cli(*asked, "--json", "--explain", "--line", "epoch")[1])
    values = {step["symbol"]: step["value"] for step in data["explanation"] if len(step["path"]) == 1}
    epoch = data["tuning"]["epoch"]
    assert values.pop("epoch_seconds") == epoch["seconds"]
    assert values == {name: epoch[name] for name in ("sequences", "padding", "steps", "dollars")}
    assert "epoch_seconds = steps * step_seconds" in cli(*asked, "--explain", "--line", "epoch")[1]


def test_an_epoch_of_mixed_lengths_is_explained(cli: Cli) -> None:
    lengths = ("--lengths", "100x64,50x200,20x390", "--batched")
    asked = ("train", "gpt2", "--cluster", "2xH100", *lengths, "--price", "2", "--json")
    data = json.loads(cli(*asked, "--explain", "--line", "epoch")[1])
    values = {step["symbol"]: step["value"] for step in data["explanation"] if len(step["path"]) == 1}
    assert values["epoch_seconds"] == data["tuning"]["epoch"]["seconds"]
    assert values["padding"] == data["tuning"]["epoch"]["padding"]


def test_what_is_trained_is_explained(cli: Cli) -> None:
    asked = (
        "train",
        "llama-3.1-8b",
        "--cluster",
        "1xH100",
        "--lora",
        "r=16",
        "--json",
        "--explain",
        "--line",
        "trained",
    )
    data = json.loads(cli(*asked)[1])
    assert data["explanation"][0]["value"] == data["tuning"]["trained_parameters"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("epoch", "--line epoch: of a data set; add --samples or --lengths"),
        ("cost", "--line cost: of a run; add --tokens"),
    ],
)
def test_lines_that_a_step_has_not_are_refused(line: str, said: str, cli: Cli) -> None:
    code, out, err = cli("train", "gpt2", "--cluster", "2xH100", "--explain", "--line", line)
    assert (code, out, err) == (2, "", f"weighbridge: {said}\n")
