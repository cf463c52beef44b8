"""The worked examples of the four systems that Weighbridge unites, and what they get wrong, done right.

Their memory of inference and web pages come with later work; docs/reference-systems.md says so.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.models.test_llama_params import LLAMA_31_8B
from weighbridge.arithmetic import scale
from weighbridge.estimate.comparison import compare
from weighbridge.estimate.compute import flops
from weighbridge.estimate.generation import generate
from weighbridge.estimate.memory.inside import inside
from weighbridge.estimate.parameters import params
from weighbridge.estimate.training import train
from weighbridge.formats.loading import from_raw
from weighbridge.formats.megatron import load
from weighbridge.laws import find
from weighbridge.nn import GroupedQueryAttention
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import mixed
from weighbridge.report.explanation import steps
from weighbridge.tree import Node, stored


def own(node: Node) -> int:
    return sum(weight.count for weight in node.weights.values())


def part(name: str, *path: str) -> int:
    """Parameters of one copy of a module of a catalogue model."""
    node = params(name).tree
    for step in path:
        node = next(child for child in node.children if child.name == step)
    return node.sum(own, stored)


# A. The interactive calculator: every input is a field, every figure has its formula.


def test_a_worked_example_with_the_padded_vocabulary() -> None:
    report = params("qwen1.5-moe-a2.7b-padded", "bf16")
    assert report.total == 14_316_308_480
    assert report.bytes() == 28_632_616_960


def test_a_the_router_in_fp32_takes_four_bytes() -> None:
    assert params("qwen1.5-moe-a2.7b-padded", "bf16", "fp32").bytes() == 28_638_515_200


def test_a_the_published_vocabulary() -> None:
    assert params("qwen1.5-moe-a2.7b").total == 14_315_784_192


def test_a_biases_of_k_and_v_count_query_groups_not_heads() -> None:
    attention = GroupedQueryAttention(2048, 16, 4, 128, qkv_bias=True)
    biases = own(attention.node()) + sum(child.sum(own, stored) for child in attention.node().children)
    assert biases == 2 * 2048 * 2048 + 2 * 2048 * 512 + (16 + 4 + 4) * 128


@pytest.mark.parametrize(
    "field",
    [
        "vocab_size",
        "hidden_size",
        "num_attention_heads",
        "num_key_value_heads",
        "qkv_bias",
        "moe_intermediate_size",
        "shared_expert_intermediate_size",
        "num_experts",
        "num_hidden_layers",
    ],
)
def test_a_every_input_can_be_set(field: str) -> None:
    from weighbridge.formats import load as load_model

    before = load_model("qwen1.5-moe-a2.7b")
    value = getattr(before.config, field)
    other = not value if isinstance(value, bool) else 2 * value if field == "num_attention_heads" else value // 2
    after = load_model("qwen1.5-moe-a2.7b", {field: other})
    assert params(after).total != params(before).total


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
def test_a_norms_have_a_weight_and_layernorm_a_bias_too(norm: str) -> None:
    mlp = {"type": "GatedMLP", "intermediate_size": 8}
    raw: dict[str, Any] = {"vocab_size": 2, "hidden_size": 4, "blocks": {"b": {"feed_forward": mlp}}, "norm": norm}
    report = params(from_raw("x", {**raw, "layers": [{"block": "b"}]}, {}, ""))
    assert report.by_kind["norm"] == 2 * 4 * (2 if norm == "layernorm" else 1)  # type: ignore[index]


def test_a_every_figure_shows_how_it_is_calculated() -> None:
    names = {step.label.symbol for step in steps(params("qwen1.5-moe-a2.7b-padded").explained(), 99)}
    pieces = {"embedding", "attention", "q_proj", "k_proj", "v_proj", "o_proj", "router", "expert", "shared_expert"}
    assert pieces | {"shared_expert_gate", "attention_norm", "moe_norm", "final_norm", "head"} <= names


# B. The Llama 3 count, step by step from params.json.


def test_b_every_step() -> None:
    report = params(from_raw("llama", LLAMA_31_8B, {}, ""))
    found = {step.label.symbol: step.value for step in steps(report.explained(), 99)}
    assert found["ffn_hidden_size"] == 14336
    assert (found["q_proj"], found["k_proj"]) == (4096 * 4096, 4096 * 1024)
    billions = {name: round(found[name] / 1e9, 2) for name in ("embedding", "layer", "head")}
    assert billions == {"embedding": 0.53, "layer": 0.22, "head": 0.53}
    assert round(32 * found["layer"] / 1e9, 2) == 6.98
    assert found["final_norm"] == 4096
    assert report.total == 8_030_261_248


def test_b_rounding_before_scaling_is_wrong() -> None:
    unscaled = 2 * 4 * 4096 // 3
    rounded_first = 1024 * -(-unscaled // 1024)
    assert scale(rounded_first, 1.3) == 14643
    assert 1024 * -(-scale(unscaled, 1.3) // 1024) == 14336


# C. The Megatron MoE estimator: a launch script's arguments, the module tree, the memory of a rank.

MIXTRAL_8X2B = """
--num-layers 4 --hidden-size 2048 --ffn-hidden-size 5440 --num-attention-heads 16 --group-query-attention
--num-query-groups 8 --kv-channels 128 --seq-length 4096 --max-position-embeddings 4096 --position-embedding-type rope
--normalization RMSNorm --swiglu --disable-bias-linear --untie-embeddings-and-output-weights --num-experts 8
--moe-router-topk 2 --moe-grouped-gemm --moe-token-dispatcher-type alltoall --vocab-size 32000 --bf16
--use-distributed-optimizer --no-gradient-accumulation-fusion --attention-dropout 0 --hidden-dropout 0
"""
ARGUMENTS = MIXTRAL_8X2B.split()
LAUNCHED = ["torchrun", "--nproc_per_node", "8", "--nnodes", "1", "pretrain_gpt.py"]


def megatron_rows(printed: str) -> dict[str, list[int]]:
    """The rows of the module tree: parameters, kept elements and kept bytes by the module's name and class."""
    found = re.findall(r"^ *(\S.*?)((?: +[\d,]+){3})$", printed, re.MULTILINE)
    return {name: [int(number.replace(",", "")) for number in numbers.split()] for name, numbers in found}


def test_c_parts_of_the_cut_down_mixtral() -> None:
    name = "mixtral-8x2b-4l"
    assert part(name, "embedding") == 65_536_000
    assert part(name, "layers", "attention") == 12_582_912
    assert part(name, "layers", "moe", "experts") == 33_423_360
    assert 8 * part(name, "layers", "moe", "experts") == 267_386_880
    assert part(name, "layers", "moe_norm") == 2_048


def test_c_its_total_lacks_routers_and_the_norms_fused_into_qkv() -> None:
    missing = 4 * (8 * 2048 + 2048)
    assert params("mixtral-8x2b-4l").total - missing == 1_250_961_408
    assert params("mixtral-8x2b-4l").total == 1_251_035_136


def test_c_a_launch_command_is_taken_unchanged(cli: Callable[..., tuple[int, str, str]]) -> None:
    launched = cli("megatron", "--", *LAUNCHED, *ARGUMENTS, "--micro-batch-size", "1")
    alone = cli("megatron", "--world-size", "8", "--", *ARGUMENTS, "--micro-batch-size", "1")
    assert launched == alone
    assert launched[0] == 0
    assert not re.search(r"unknown|ignored|not modelled", launched[2])


def test_c_the_launch_script_of_mixtral_8x7b_needs_one_line_changed(tmp_path: Path) -> None:
    script = (Path(__file__).parents[1] / "examples" / "megatron_mixtral_8x7b.sh").read_text("utf-8")
    ours = [line for line in script.splitlines() if "pretrain_gpt.py" in line and not line.startswith("#")]
    assert ours == ['weighbridge megatron -- torchrun "${DISTRIBUTED_ARGS[@]}" pretrain_gpt.py \\']
    stand_in = tmp_path / "weighbridge"
    stand_in.write_text(f"#!{sys.executable}\nfrom weighbridge.cli import main\nmain()\n", "utf-8")
    stand_in.chmod(0o755)
    around = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "100"}
    done = subprocess.run(["bash", "-c", script, "script"], env=around, capture_output=True, text=True, check=True)
    assert "(0-7): 8 x TransformerLayer" in done.stdout
    assert "Ledger of stage 0" in done.stdout
    assert not re.search(r"unknown|ignored|not modelled", done.stderr)


def test_c_the_module_tree_has_megatrons_names(cli: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = cli("megatron", "--", *LAUNCHED, *ARGUMENTS, "--micro-batch-size", "1")
    found = {name: row[0] for name, row in megatron_rows(out).items()}
    router, norm = 8 * 2048, 2048
    assert found["GPTModel"] == 1_250_961_408 + 4 * (router + norm) == 1_251_035_136
    assert found["embedding: LanguageModelEmbedding"] == 65_536_000
    assert found["output_layer: ColumnParallelLinear"] == 65_536_000
    assert found["(0-3): 4 x TransformerLayer"] == 279_971_840 + router + norm
    assert found["self_attention: SelfAttention"] == 12_582_912 + norm
    assert found["pre_mlp_layernorm: TENorm"] == found["final_layernorm: TENorm"] == norm
    assert found["router: TopKRouter"] == router
    assert found["experts: TEGroupedMLP, 8 of 33,423,360 each"] == 267_386_880


def test_c_activation_elements_stand_at_every_node(cli: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = cli("megatron", "--", *LAUNCHED, *ARGUMENTS, "--micro-batch-size", "1")
    rows = megatron_rows(out)
    tokens, hidden = 4096, 2048
    inside = ["linear_qkv: TELayerNormColumnParallelLinear", "core_attention: TEDotProductAttention"]
    assert all(rows[name][1] > 0 for name in ("GPTModel", "decoder: TransformerBlock", "mlp: MoELayer", *inside))
    assert rows["self_attention: SelfAttention"][1] == sum(rows[name][1] for name in inside)
    assert rows["linear_fc1: TEColumnParallelGroupedLinear"][1] == 2 * tokens * hidden  # routed copies, top 2
    layers, of_one = rows["layers: ModuleList"], rows["(0-3): 4 x TransformerLayer"]
    assert layers == [4 * figure for figure in of_one]


def test_c_seven_and_a_half_bytes_per_parameter_and_totals_in_mb_and_gb(
    cli: Callable[..., tuple[int, str, str]],
) -> None:
    _, out, _ = cli("megatron", "--", *LAUNCHED, *ARGUMENTS, "--micro-batch-size", "1")
    table = out.partition("Memory of one GPU")[2].partition("\n\n")[0].splitlines()
    assert table[1].split() == ["one", "GPU", "MB", "GB", "GiB"]
    states = 1_251_035_136 * 15 // 2
    assert f"{states / 1e6:,.1f}" in table[2]
    assert "7.50 bytes per parameter x 1,251,035,136" in table[2]
    rows = [[float(word.replace(",", "")) for word in line[24:].split()[:3]] for line in table[2:5]]
    for megabytes, gigabytes, gibibytes in rows:
        assert gigabytes == pytest.approx(megabytes / 1e3, abs=1e-3)
        assert gibibytes == pytest.approx(megabytes * 1e6 / 2**30, abs=1e-3)
    assert rows[2][0] == pytest.approx(rows[0][0] + rows[1][0], abs=0.2)


@pytest.mark.parametrize(
    ("tensor", "micro_batch", "peak", "between", "theirs"),
    [(2, 1, 6.6, 5.3, 6.63), (2, 2, 8.0, 5.3, 8.02), (1, 1, 11.2, 8.8, 11.18), (1, 2, 13.8, 8.8, 13.62)],
)
def test_c_its_four_measurements(tensor: int, micro_batch: int, peak: float, between: float, theirs: float) -> None:
    """Within the 0.1 GiB to which the source rounds. It names no device; an A100's libraries give its figures. It is
    older than Megatron-Core 2025-04: experts' results are weighed, not their activations.
    """
    degrees = ["--tensor-model-parallel-size", str(tensor), *(["--sequence-parallel"] if tensor > 1 else [])]
    request = load([*LAUNCHED, *ARGUMENTS, *degrees, "--micro-batch-size", str(micro_batch)], environment={})
    kernels = request.plan.kernels
    older = replace(kernels, routing=replace(kernels.routing, weighs_results=True))
    stage = train(request.model, replace(request.plan, kernels=older), "8xA100").worst
    found = stage.peak_allocated / 2**30
    assert abs(found - peak) <= max(0.05, abs(theirs - peak))
    assert abs(stage.static_allocated / 2**30 - between) <= 0.05


def test_c_a_module_of_ones_own_stands_in_the_tree() -> None:
    example = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "own_module_training.py"))
    training = train(example["network"](), Plan.under(gpus=8), "8xA100")
    found = example["own"](inside(training.worst))
    assert (found.all_parameters, found.all_kept.elements) == (16_783_360, 5 * 4096 * 2048)


# D. The resource calculator: parameters, FLOPs, comparison.


@pytest.mark.parametrize(
    ("name", "total"), [("gpt2", 124_439_808), ("llama-7b", 6_738_415_616), ("llama-13b", 13_015_864_320)]
)
def test_d_parameter_counts(name: str, total: int) -> None:
    assert params(name).total == total


def test_d_its_llama_has_a_plain_ffn_tied_embeddings_and_learned_positions() -> None:
    mixer = {"type": "GroupedQueryAttention", "num_heads": 32, "num_kv_heads": 32, "head_dim": 128}
    blocks = {"block": {"mixer": mixer, "feed_forward": {"type": "MLP", "intermediate_size": 11008}}}
    raw = {"vocab_size": 32000, "hidden_size": 4096, "tie_word_embeddings": True, "learned_positions": 2048}
    layers = {"blocks": blocks, "layers": [{"block": "block", "count": 32}], "norm": "layernorm"}
    theirs = 5_173_157_888
    assert abs(params(from_raw("theirs", {**raw, **layers}, {}, "")).total - theirs) < 0.01 * theirs


@pytest.mark.parametrize(("kv_heads", "name"), [(32, "multi-head"), (8, "grouped-query"), (1, "multi-query")])
def test_d_shared_heads_make_k_and_v_small(kv_heads: int, name: str) -> None:
    attention = GroupedQueryAttention(4096, 32, kv_heads, 128)
    assert attention.node().sum(own, stored) == 2 * 4096 * 4096 + 2 * 4096 * 128 * kv_heads


def test_d_a_matrix_multiply_takes_two_operations_per_element() -> None:
    report = flops("llama-7b", 1)
    matrices = report.forward - 32 * 2 * 32 * 256
    assert matrices == 2 * (params("llama-7b").total - params("llama-7b").embedding - (2 * 32 + 1) * 4096)


def test_d_decoding_attends_to_the_cache() -> None:
    short, long = (generate("llama-7b", prompt, 10).decode.forward for prompt in (100, 1100))
    assert long - short == 2 * 10 * 1000 * 32 * 32 * 256


def test_d_prefill_decode_and_their_ratio(cli: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = cli("flops", "llama-7b", "--seq", "512", "--decode", "128")
    assert status == 0
    assert "prefill to decode" in out


def test_d_comparison_as_csv(cli: Callable[..., tuple[int, str, str]]) -> None:
    names = ["gpt2", "gpt2-medium", "gpt2-large", "llama-7b", "llama-13b"]
    status, out, _ = cli("compare", *names, "--csv")
    assert status == 0
    assert [line.split(",")[0] for line in out.splitlines()] == ["model", *names]
    assert len(compare(names).rows) == 5


def test_d_bytes_by_precision() -> None:
    report = params("gpt2")
    sizes = [report.bytes(name) for name in ("fp32", "fp16", "bf16", "int8", "int4", "nf4")]
    total = report.total
    assert sizes == [4 * total, 2 * total, 2 * total, total, total // 2, total // 2]


def test_d_the_scaling_law_with_its_constants(cli: Callable[..., tuple[int, str, str]]) -> None:
    """Its constants (alpha .34, beta .28, A 406.4, B 410.7, E 1.69), allocated right."""
    law = find("hoffmann-3-rounded")
    assert law.constants() == {"e": 1.69, "a": 406.4, "b": 410.7, "alpha": 0.34, "beta": 0.28}
    compute = 5.76e23
    balance = (0.34 * 406.4 / (0.28 * 410.7)) ** (1 / 0.62)
    best = law.optimum(compute)
    assert best.parameters == pytest.approx(balance * (compute / 6) ** (0.28 / 0.62))
    assert best.tokens == pytest.approx((compute / 6) ** (0.34 / 0.62) / balance)
    assert law.least_loss(compute) == pytest.approx(1.69 + 406.4 / best.parameters**0.34 + 410.7 / best.tokens**0.28)
    status, out, _ = cli("scaling", "--compute", "5.76e23", "--law", "hoffmann-3-rounded")
    assert (status, "32.2 B" in out, "2.98 T" in out, "1.931" in out) == (0, True, True, True)


def test_d_exponents_swapped_and_no_constant_cost_loss() -> None:
    """What system D allocates: (C / 6) to alpha / (alpha + beta) parameters, to beta / (alpha + beta) tokens."""
    law = find("hoffmann-3-rounded")
    for compute in (1e21, 5.76e23):
        parameters = (compute / 6) ** (0.34 / 0.62)
        theirs = law.loss(parameters, law.tokens_within(compute, parameters))
        assert theirs is not None
        assert theirs > (law.least_loss(compute) or 0)
        assert parameters > 20 * law.optimum(compute).parameters


def test_d_training_cost(cli: Callable[..., tuple[int, str, str]]) -> None:
    """6 N D on GPUs at an efficiency and a price, to days and dollars."""
    arguments = ("--parameters", "7B", "--tokens", "1T", "--law", "hoffmann-3", "--cluster", "64xA100", "--mfu", "0.5")
    status, out, _ = cli("scaling", *arguments, "--price", "2", "--json")
    assert status == 0
    cost = json.loads(out)["answers"][0]["cost"]
    assert cost["seconds"] == pytest.approx(6 * 7e9 * 1e12 / (64 * 312e12 * 0.5))
    assert cost["dollars"] == pytest.approx(cost["seconds"] * 64 / 3600 * 2)


@pytest.mark.parametrize(("gpu", "dtype"), [("V100", "fp16"), ("A100", "bf16"), ("H100", "bf16")])
def test_d_cost_of_a_plan_by_type_of_gpu(gpu: str, dtype: str, cli: Callable[..., tuple[int, str, str]]) -> None:
    """The efficiency is the plan's own: with it, 6 N D comes to the same days, dollars and dollars per billion."""
    sizes = ("--tp", "4", "--sp", "--seq", "2048", "--global-batch", "2048", "--precision", dtype)
    arguments = ("llama-7b", "--cluster", f"64x{gpu}", *sizes, "--tokens", "1T", "--price", "2")
    status, out, _ = cli("train", *arguments, "--json")
    assert status == 0
    data = json.loads(out)
    cost, time = data["cost"], data["time"]
    steps = -(-(10**12) // (2048 * 2048))
    assert cost["steps"] == steps
    work = steps * data["flops"]["model_per_step"]
    assert cost["busy_seconds"] == pytest.approx(work / (64 * time["model_tflops_per_gpu"] * 1e12))
    rough = 6 * params("llama-7b").total * 1e12
    assert work == pytest.approx(rough, rel=0.07)  # attention besides
    assert cost["seconds"] * cost["goodput"] == pytest.approx(cost["busy_seconds"])
    assert cost["days"] == pytest.approx(cost["seconds"] / 86_400)
    assert cost["gpu_hours"] == pytest.approx(64 * cost["seconds"] / 3600)
    assert cost["dollars"] == pytest.approx(2 * cost["gpu_hours"])
    assert cost["dollars_per_billion_parameters"] == pytest.approx(cost["dollars"] / 6.738415616)


def test_d_faster_gpus_take_fewer_days() -> None:
    days = []
    for gpu, dtype in (("V100", "fp16"), ("A100", "bf16"), ("H100", "bf16")):
        sizes: dict[str, Any] = {
            "gpus": 64,
            "tensor": 4,
            "sequence_parallel": True,
            "sequence": 2048,
            "global_batch": 2048,
        }
        plan = Plan.under(precision=mixed(dtype), micro_batch=4, **sizes)
        days.append(train("llama-7b", plan, f"64x{gpu}").cost("1T", price=2).run.days)
    assert days[0] > 1.5 * days[1] > 1.5 * days[2]
