"""Golden outputs: what every report prints, word for word. ``make golden`` writes them anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

DEEPSEEK_V3 = "--cluster 2048xH800 --pp 16 --ep 64 --layout 4*15,1 --global-batch 15360 --recompute full"

MIXTRAL_8X2B = """
--num-layers 4 --hidden-size 2048 --ffn-hidden-size 5440 --num-attention-heads 16 --group-query-attention
--num-query-groups 8 --kv-channels 128 --seq-length 4096 --max-position-embeddings 4096 --position-embedding-type rope
--normalization RMSNorm --swiglu --disable-bias-linear --untie-embeddings-and-output-weights --num-experts 8
--moe-router-topk 2 --moe-grouped-gemm --moe-token-dispatcher-type alltoall --vocab-size 32000 --micro-batch-size 1
--global-batch-size 8 --bf16 --use-distributed-optimizer --attention-dropout 0 --hidden-dropout 0
"""
"""The example of reference system C."""

SCALING = ("scaling", "--compute", "5.76e23")

LLAMA_SERVED = ("infer", "llama-3.1-8b", "--cluster", "H100", "--prompt", "4096", "--output", "512", "--batch", "32")

COMPARED = ("compare", "llama-3.1-8b", "--quant", "bf16,awq,nvfp4", "--cluster", "2xA100", "--cluster", "MI300X")

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
    "clusters.txt": ["clusters"],
    "clusters-b200.txt": ["clusters", "b200"],
    "clusters-own.txt": ["clusters", "examples/cluster.toml"],
    "clusters-gaudi-3.json": ["clusters", "16xGaudi-3", "--json"],
    "train-llama-3.1-8b.txt": ["train", "llama-3.1-8b", "--cluster", "8xH100", "--tp", "2", "--chart"],
    "train-deepseek-v3.txt": ["train", "deepseek-v3", *DEEPSEEK_V3.split()],
    "train-deepseek-v3.json": ["train", "deepseek-v3", *DEEPSEEK_V3.split(), "--json"],
    "train-does-not-fit.md": ["train", "llama-3.1-70b", "--cluster", "8xH100", "--tp", "8", "--format", "markdown"],
    "train-gpt2-tree.txt": ["train", "gpt2", "--cluster", "2xA100", "--pp", "2", "--framework", "torchtitan", "--tree"],
    "explain-train.txt": ["train", "llama-3.1-8b", "--cluster", "8xH100", "--tp", "2", "--explain"],
    "explain-train-mixtral-activations.txt": [
        *("train", "mixtral-8x7b", "--cluster", "64xH100", "--pp", "4", "--ep", "8", "--tp", "2", "--sp"),
        *("--explain", "--line", "activations", "--stage", "1"),
    ],
    "megatron-mixtral-8x2b.txt": ["megatron", "--world-size", "8", "--cluster", "H100", "--", *MIXTRAL_8X2B.split()],
    "scaling.txt": [*SCALING, "--cluster", "1024xH100", "--mfu", "0.4", "--price", "2.50"],
    "scaling.json": [*SCALING, "--law", "besiroglu", "--law", "krajewski", "--inference-tokens", "2T", "--json"],
    "scaling.md": ["scaling", "--parameters", "70B", "--tokens", "300B", "--format", "markdown"],
    "scaling-repeated.txt": ["scaling", "--compute", "9.3e21", "--unique-tokens", "25B"],
    "scaling-laws.txt": ["scaling", "laws"],
    "explain-scaling.txt": [*SCALING, "--law", "hoffmann-3", "--law", "deepseek", "--explain"],
    "infer-deepseek-v3.txt": ["infer", "deepseek-v3", "--cluster", "8xH200"],
    "infer-llama-3.1-8b.txt": [*LLAMA_SERVED, "--chart"],
    "infer-does-not-fit.md": ["infer", "llama-3.1-70b", "--cluster", "RTX-4090", "--format", "markdown"],
    "infer-mamba.json": ["infer", "mamba-1.4b", "--cluster", "A100", "--engine", "transformers", "--json"],
    "explain-infer.txt": ["infer", "gemma-2-2b", "--cluster", "L40S", "--batch", "4", "--explain"],
    "explain-local.txt": [
        *("local", "llama-3.1-8b", "--on", "RTX 3090", "--on", "RTX 3060", "--cpu", "13900k", "--ram", "64GiB"),
        *("--gguf", "Q4_K_M", "--ngl", "20", "--explain"),
    ],
    "compare-served.txt": [*COMPARED],
    "compare-served.csv": [*COMPARED, "--csv"],
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
    others = {"counts.json", "timeline.json", "block-llama-3.1-8b.svg", "block-deepseek-v3.svg"}
    assert {path.name for path in folder.iterdir()} == {*GOLDEN, *others}
