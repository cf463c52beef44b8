"""The JSON contract, checked by pydantic against its own types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from weighbridge.report import inference_comparison, inference_schema, scaling_schema, schema

GPT = "--num-layers 2 --hidden-size 64 --num-attention-heads 4 --seq-length 128 --max-position-embeddings 128"
MEGATRON = ["--", *GPT.split(), "--micro-batch-size", "1", "--vocab-size", "1000"]

CONTRACT: list[tuple[list[str], Any]] = [
    (["params", "deepseek-v3"], schema.Parameters),
    (["params", "gpt2", "--dtype", "fp8"], schema.Parameters),
    (["params", "docs/files/qwen3-0.6b-fp8"], schema.Parameters),
    (["params", "docs/files/tiny-llama"], schema.Parameters),
    (["params", "docs/files/tiny-Q4_0.gguf"], schema.Parameters),
    (["params", "gpt2", "--gguf", "Q4_K_M"], schema.Parameters),
    (["flops", "qwen3-next-80b-a3b"], schema.Flops),
    (["flops", "mamba-codestral-7b", "--decode", "5"], schema.Flops),
    (["flops", "gpt2", "--convention", "6nd"], schema.Flops),
    (["compare", "gpt2", "deepseek-v3"], schema.Compared),
    (["models"], schema.Catalogue),
    (["clusters"], schema.Clusters),
    (["clusters", "tpu-v4"], schema.Clusters),
    (["clusters", "64xH200"], schema.Clusters),
    (["clusters", "examples/cluster.toml"], schema.Clusters),
    (["train", "gpt2", "--cluster", "8xA100", "--pp", "2"], schema.Training),
    (["train", "deepseek-v3", "--cluster", "64xH100", "--ep", "64", "--check"], schema.Training),
    (["train", "gpt2", "--cluster", "8xA100", "--tokens", "300B", "--price", "2.50"], schema.Training),
    (["train", "gpt2", "--cluster", "8xA10G", "--tokens", "300B"], schema.Training),
    (["train", "gpt2", "--cluster", "2xXeon-8480"], schema.Training),
    (["megatron", *MEGATRON], schema.Training),
    (["infer", "deepseek-v3", "--cluster", "8xH200"], inference_schema.Served),
    (["infer", "deepseek-v3", "--cluster", "8xH200", "--quant", "published", "--check"], inference_schema.Served),
    (["infer", "mamba-130m", "--cluster", "T4"], inference_schema.Served),
    (["infer", "gpt2", "--cluster", "Xeon-8480", "--engine", "transformers", "--batch", "2"], inference_schema.Served),
    (["compare", "gpt2", "--cluster", "T4", "--cluster", "8xH100"], inference_comparison.ServedTable),
    (["scaling", "--compute", "1e23", "--cluster", "8xH100", "--mfu", "0.4"], scaling_schema.ScalingReport),
    (["scaling", "--parameters", "7B", "--tokens", "2T"], scaling_schema.ScalingReport),
]


@pytest.mark.parametrize(("command", "contract"), CONTRACT, ids=lambda c: " ".join(c) if isinstance(c, list) else "")
def test_output_keeps_the_contract(command: list[str], contract: Any, cli: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = cli(command[0], "--json", *command[1:])
    assert status == (3 if "--check" in command else 0)
    assert all(line.startswith("weighbridge: warning: ") for line in err.splitlines())
    assert not err or command[0] == "megatron"
    TypeAdapter(contract).validate_json(out, strict=True, extra="forbid")


def test_the_tree_adds_up_to_the_total(cli: Callable[..., tuple[int, str, str]]) -> None:
    data = json.loads(cli("params", "deepseek-v3", "--json")[1])

    def below(node: dict[str, Any]) -> int:
        return sum(child["count"] * child["each"] for child in node["children"] if not child["apart"])

    assert data["tree"]["each"] == data["parameters"]["total"] == below(data["tree"])
    assert sum(data["parameters"]["by_kind"].values()) == data["parameters"]["total"]


def test_explanations_join_on_request(cli: Callable[..., tuple[int, str, str]]) -> None:
    data = json.loads(cli("params", "gpt2", "--json", "--explain", "--depth", "1")[1])
    assert [step["symbol"] for step in data["explanation"]] == ["total_parameters"]
    assert data["explanation"][0]["value"] == data["parameters"]["total"]
