"""Rows of earlier training runs and of papers that are described by a table: columns become a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.normalise_plans import GB, GIB, Cells, device, figure, gpt, number, stated
from benchmarks.rows import Row
from benchmarks.speeds import HARDWARE, clocked, speeds, value

INTERNLM: dict[str, dict[str, Any]] = {
    name: {
        "model_type": "llama",
        "vocab_size": 103_168,
        "hidden_size": hidden,
        "intermediate_size": ffn,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "attention_bias": bias,
    }
    for name, hidden, ffn, layers, heads, bias in (
        ("InternLM 7B", 4096, 11_008, 32, 32, True),
        ("InternLM 20B", 5120, 13_824, 60, 40, False),
    )
}
"""As internlm's configurations on Hugging Face have it."""


WAITING = {
    **dict.fromkeys(("overlap_gradient_reduce", "overlap_parameter_gather", "overlap_pipeline", "sum_beside"), False)
}
"""What Megatron-DeepSpeed of 2021 did not overlap: DeepSpeed's pipeline sends and receives one after the other, reduces
gradients after the last micro-batch and gathers weights after the step (deepspeed/runtime/pipe/engine.py and
runtime/zero/stage_1_and_2.py); gradients of inputs are summed before those of weights (megatron/mpu/layers.py)."""

JEAN_ZAY = 50_000_000_000
"""Bytes per second that a server sends: four Omni-Path links of 100 Gb/s (bigscience, jz/hpc-specs.md)."""


def bigscience(table: Iterable[Cells]) -> Iterator[Row]:
    """Megatron-DeepSpeed, in whole GB as the device shows them; runs that ran out of memory too. Seconds per iteration,
    and hardware TFLOP/s, at first by 8 N D, later by Narayanan et al. 2021.

    Judged: where a table does not name the ZeRO stage it is 1, because whole states alone would be more than was used.
    """
    for place, cells in enumerate(table):
        printed, failed = cells["measured_peak_mem_gb"], cells["outcome"] == "OOM"
        run = _bigscience(f"bigscience/{place}", cells)
        if failed:
            memory = {"V100 32GB": 32, "V100 16GB": 16}.get(cells["gpu"], 80) * GIB
            yield {
                **run,
                "id": f"{run['id']}/fits",
                "counter": "fits",
                "bytes": memory,
                "fits": False,
                "rank": "highest",
            }
        elif printed:
            own: Row = {**run, "id": f"{run['id']}/device", "rank": "highest"}
            yield {**own, **figure(printed, GB)}  # type: ignore[typeddict-item]
        later = "sec/it" in cells["notes"] and "before the TFLOPs-formula fix" not in cells["notes"]
        yield from speeds(run, cells, HARDWARE, {"hardware_tflops_per_gpu": "torch" if later else "6nd"})


def _bigscience(name: str, cells: Cells) -> Row:
    vocabulary = {"250k": 250_680, "": 50_257}.get(cells["vocab"]) or int(cells["vocab"])
    half = cells["precision"].startswith("fp16")
    layers, heads, ffn = number(cells, "layers"), number(cells, "heads"), number(cells, "ffn")
    usual = ffn is None and "same conf as normal 104B" in cells["notes"]
    if usual:
        ffn = 4 * int(cells["hidden"])
    per_node = 8 if cells["gpu"].startswith("A100") else 4
    one = cells["section"] == "48 node contenders" and cells["gpus"] == "8"  # its heading and its TFLOP/s say 512
    spread = cells["section"] == "Rebalancing layers"  # embedding and head count as a layer each
    row: Row = {
        "id": name,
        "source": cells["source"],
        "kind": "plan",
        "counter": "device",
        "device": device(cells["gpu"]),
        "gpus": int(cells["gpus"]),
        "cluster": {"gpus_per_node": per_node, "network_bandwidth": JEAN_ZAY // per_node},
        "current": True,
        "model": gpt(layers, int(cells["hidden"]), heads, vocabulary, ffn),
        "execution": WAITING,
        "plan": {
            "tensor": int(cells["tp"]),
            "pipeline": int(cells["pp"]),
            "micro_batch": int(cells["mbs"]),
            "global_batch": 512 if one else int(cells["gbs"]),
            "sequence": int(cells["seq"]),
            "framework": "megatron-local",
            "precision": {"base": "mixed-fp16" if half else "mixed-bf16"},
            "zero": {"stage": 1, "engine": "DeepSpeed"},
            "optimizer": "adam8bit" if "8-bit" in cells["optimizer"] else "adam",
            "recompute": {"method": "none" if cells["recompute"] == "none" else "uniform"},
            "kernels": {"hidden_dropout": True, "attention_dropout": True},
        },
    }
    blank = [f"model.{field}" for field, cell in (("n_layer", layers), ("n_head", heads), ("n_inner", ffn)) if not cell]
    judged = ["model.vocab_size"] if cells["vocab"] in ("", "250k") else []
    judged += ["model.n_inner"] if usual else []
    if spread:
        row["plan"]["layout"] = "Et*6|(t*7|)*10t*6L"
        judged.append("plan.layout")
    if not cells["sharding"]:
        judged.append("plan.zero")
    return stated(row, ["plan.framework", "plan.kernels", *judged], blank)


def internevo(table: Iterable[Cells]) -> Iterator[Row]:
    """InternEvo, memory in whole GB; which counter is not said. Sequences are those of the source's other table. Tokens
    per second, and hardware TFLOP/s by Narayanan et al. 2021.
    """
    for place, cells in enumerate(table):
        if cells["measured_peak_mem_gb"]:
            yield _internevo(place, cells)
        else:
            yield from speeds(_clocked_internevo(place, cells), cells, HARDWARE, {"hardware_tflops_per_gpu": "torch"})


def _internevo(place: int, cells: Cells) -> Row:
    return {
        "id": f"internevo/{place}/device",
        "source": cells["source"],
        "kind": "plan",
        "counter": "device",
        **figure(cells["measured_peak_mem_gb"], GB),  # type: ignore[typeddict-item]
        "rank": "highest",
        "device": device(cells["gpu"]),
        "gpus": int(cells["gpus"]),
        "current": True,
        "model": INTERNLM[cells["model"]],
        "plan": {
            "tensor": int(cells["tp"]),
            "pipeline": int(cells["pp"]),
            "sequence_parallel": cells["sequence_parallel"] == "yes",
            "micro_batch": int(cells["mbs"]),
            "global_batch": int(cells["mbs"]) * int(cells["grad_accum"]) * int(cells["dp"]),
            "sequence": 2048,
            "framework": "internevo",
            "precision": {"base": "mixed-bf16"},
            "zero": {"stage": 3 if "FSDP" in cells["sharding"] else 1},
            "recompute": {"method": "uniform"},
        },
        "judged": ["counter", "model", "plan.sequence"],
        "unknown": ["plan.optimizer"],
    }


def _clocked_internevo(place: int, cells: Cells) -> Row:
    """A run of the tables of throughput, which stand in the first commit of 2023-07-06: torch 1.13.1, the first
    FlashAttention (docs/install.md there). Its kernels (fused norms, PyTorch's multiplies one by one but for q, k and
    v, activations in steps: internlm/model/linear.py) are asked for as Megatron-Core's own layers. Norms run again in
    the backward pass where layers do not (model/modeling_internlm.py, dropout_selective_checkpoint). Weights are
    broadcast after the step, beside nothing (solver/optimizer/hybrid_zero_optim.py).
    """
    group, whole = re.search(r"group=(\d+)", cells["sharding"]), cells["recompute"].startswith("full")
    return {
        "id": f"internevo/{place}",
        "source": cells["source"],
        "kind": "plan",
        "counter": "tokens_per_second_per_gpu",
        "device": device(cells["gpu"]),
        "gpus": int(cells["gpus"]),
        "cluster": {"network_bandwidth": 4 * 12_500_000_000 // 8},  # 4 x 100 Gb/s to a server of 8, as printed
        "current": True,
        "model": INTERNLM[cells["model"]],
        "plan": {
            "tensor": int(cells["tp"]),
            "pipeline": int(cells["pp"]),
            "sequence_parallel": cells["sequence_parallel"] == "yes",
            "micro_batch": int(cells["mbs"]),
            "global_batch": int(cells["gbs"]),
            "sequence": int(cells["seq"]),
            "framework": "megatron-local",
            "kernels": {
                "attention": "flash-1",
                "pointwise": "eager",
                "fuses_projections": False,
                "joins_qkv": True,
            },
            "precision": {"base": "mixed-bf16", "gradients": "bf16"},
            "accumulation_fusion": False,
            "zero": {"stage": 1, "instances": int(cells["dp"]) // int(group[1]) if group else 1},
            "optimizer": "adam",
            "recompute": {"method": "uniform"} if whole else {"modules": ["layernorm"]},
        },
        "execution": {"overlap_parameter_gather": False},
        "judged": ["model", "plan.framework", "plan.kernels", "plan.precision", "plan.optimizer"],
    }


def papers(table: Iterable[Cells]) -> Iterator[Row]:
    """Korthikanti et al. 2022: parameters and optimizer, activations, and their shares (figures 1 and 7); times of a
    layer (table 4) and of a step (table 5, section 6.3).
    """
    rows = [(place, cells) for place, cells in enumerate(table) if "2205.05198" in cells["source"]]
    baselines = {
        cells["model"]: f"papers/{place}/activations"
        for place, cells in rows
        if cells["activation_pct_of_tp_baseline"] == "100.0"
    }
    for place, cells in rows:
        for column, counter in (("params_optimizer_gib", "states"), ("activation_gib", "activations")):
            if cells[column]:
                yield _paper(place, cells, counter, {"bytes": round(float(cells[column]) * GIB)})
        if cells["activation_pct_of_tp_baseline"]:
            percent = float(cells["activation_pct_of_tp_baseline"])
            share = {"percent": percent, "baseline": baselines[cells["model"]]}
            yield _paper(place, cells, "activations", share)
        yield from _times(place, cells)


def _times(place: int, cells: Cells) -> Iterator[Row]:
    if cells["layers"] == "1":
        cells = {**cells, "mbs": "4", "gbs": "4", "pp": "1", "vpp": "1", "ffn": "24576"}  # table 5's for the same model
        run = _timed_paper(place, cells, ["plan.micro_batch", "model.n_inner"])
        yield clocked(run, "layer_seconds", value(cells["measured_step_s"]))
    elif cells["measured_step_s"]:
        judged = []
        if not cells["gbs"]:  # eight copies of table 5's run
            data = int(cells["gpus"]) // (int(cells["tp"]) * int(cells["pp"]))
            cells = {**cells, "mbs": "1", "vpp": "3", "gbs": str(280 * data), "ffn": "81920"}
            judged = ["plan.micro_batch", "plan.global_batch", "plan.virtual", "model.n_inner"]
        yield from speeds(_timed_paper(place, cells, judged), cells, conventions={"mfu": "torch", "hfu": "torch"})


def _timed_paper(place: int, cells: Cells, judged: list[str]) -> Row:
    run = _paper(place, cells, "activations", {})
    return {**run, "id": f"papers/{place}", "kind": "plan", "judged": [*run["judged"], *judged]}


def _paper(place: int, cells: Cells, counter: str, measured: dict[str, Any]) -> Row:
    selective = cells["recompute"].startswith("selective")
    full = cells["recompute"].startswith("full")
    row: Row = {
        "id": f"papers/{place}/{counter}",
        "source": cells["source"],
        "kind": "formula",
        "counter": counter,
        **measured,  # type: ignore[typeddict-item]
        "rank": "first",
        "device": device(cells["gpu"]),
        "gpus": int(cells["gpus"]),
        "current": True,
        "model": gpt(int(cells["layers"]), int(cells["hidden"]), int(cells["heads"]), 51_200, int(cells["ffn"])),
        "plan": {
            "tensor": int(cells["tp"]),
            "pipeline": int(cells["pp"]),
            "virtual": int(cells["vpp"]),
            "sequence_parallel": cells["sequence_parallel"] == "yes",
            "micro_batch": int(cells["mbs"]),
            "global_batch": int(cells["gbs"]),
            "sequence": int(cells["seq"]),
            "framework": "megatron-local",
            "precision": {"base": "mixed-fp16", "gradients": "fp32", "main_gradients": False},
            "zero": {"stage": 0},
            "optimizer": "adam",
            "recompute": {"method": "uniform"} if full else {"modules": ["core_attn"] if selective else []},
            "kernels": {"hidden_dropout": True, "attention_dropout": True},
        },
        "execution": {"overlap_pipeline": False},  # megatron/p2p_communication.py waits for every message until 2022-11
        "judged": ["model.vocab_size", "plan.precision.gradients", "plan.kernels"],
    }
    return row
