"""Rows of scaling tables: Megatron-LM from 2020 on, Llama 3's training, IBM's FSDP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.normalise_plans import Cells, device, gpt, known, number, stated
from benchmarks.rows import Row
from benchmarks.speeds import COLUMNS, HARDWARE, speeds

SC21: dict[int, tuple[int, int, int, int, int]] = {
    24: (24, 1, 1, 16, 0),
    30: (32, 2, 1, 16, 0),
    36: (32, 4, 1, 16, 0),
    40: (48, 8, 1, 8, 0),
    48: (64, 8, 2, 4, 0),
    60: (80, 8, 4, 2, 5),
    80: (96, 8, 8, 2, 5),
    96: (128, 8, 16, 1, 3),
    105: (128, 8, 35, 1, 1),
    128: (160, 8, 64, 1, 0),
}
"""Narayanan et al. 2021, table 1, by layers: heads, tensor and pipeline parallel size, micro-batch, and layers per
virtual stage, 0 for none (NVIDIA/Megatron-LM, examples/academic_paper_scripts/sc21/run_table_1.sh)."""

LARGE = {"GPT 174.6B": (96, 12_288, 96, 12), "GPT 529.6B": (105, 20_480, 128, 35)}
"""The same paper's table 2: layers, hidden size, heads, pipeline parallel size."""

OLD: dict[str, Any] = {
    "framework": "megatron-local",
    "precision": {"base": "mixed-fp16"},
    "zero": {"stage": 0},
    "optimizer": "adam",
    "recompute": {"method": "uniform"},
    "kernels": {"hidden_dropout": True, "attention_dropout": True},
}
"""Megatron-LM of 2020 and 2021: Apex' kernels, whole states on every rank, every layer recomputed."""

WAITING = {"overlap_pipeline": False, "sum_beside": False}
"""What they did not overlap: stages waited for every message (megatron/p2p_communication.py, _communicate), and
gradients of inputs were summed before those of weights (commit 16c90445e7 of 2021-09-02 is the first that does not)."""

JUDGED = ["plan.framework", "plan.precision", "plan.zero", "plan.kernels"]


def scaling(table: Iterable[Cells]) -> Iterator[Row]:
    """Megatron-LM's tables: achieved hardware TFLOP/s or iteration times until 2021, model TFLOP/s since."""
    for place, cells in enumerate(table):
        source = cells["source"]
        if "_april2021" in source or "_jan2021" in source:
            yield from _hardware(_weak(place, cells), cells)
        elif "images/tables.tex" in source:
            yield from _hardware(_first(place, cells), cells)
        elif "megatron-lm-2nd-table-2" in source:
            yield from _hardware(_against_zero(place, cells), cells)
        elif "model_table.png" in source:
            yield from speeds(_core(place, cells), cells, conventions=dict.fromkeys(COLUMNS.values(), "torch"))
        elif "examples/llama/README" in source:
            yield from speeds(_fp8(place, cells), cells, conventions={"model_tflops_per_gpu": "torch"})


def _hardware(run: Row, cells: Cells) -> Iterator[Row]:
    """FLOPs by Narayanan et al. 2021, equation 3: all pairs, every layer recomputed."""
    yield from speeds(run, cells, HARDWARE, dict.fromkeys(("hardware_tflops_per_gpu", "hfu"), "torch"))


def _run(place: int, cells: Cells, model: Any, plan: dict[str, Any], **more: Any) -> Row:
    row: dict[str, Any] = {
        "id": f"megatron-scaling/{place}",
        "source": cells["source"],
        "kind": "plan",
        "counter": "hardware_tflops_per_gpu",
        "device": device(cells["gpu"]),
        "gpus": int(cells["gpus"]),
        "current": True,
        "model": model,
        "plan": known(**plan),
        **more,
    }
    return row  # type: ignore[return-value]


def _weak(place: int, cells: Cells) -> Row:
    """Table 1 of the paper; January's runs are of older code, which did not interleave."""
    january, layers = "_jan2021" in cells["source"], int(cells["layers"])
    if layers in SC21:
        heads, tensor, pipeline, micro, each = SC21[layers]
    else:  # January's 291B, by its size of model parallelism
        heads, tensor, pipeline, micro, each = int(cells["heads"]), 8, int(cells["model_parallel_size"]) // 8, 1, 0
    hidden = int(cells["hidden"])
    plan = {
        **OLD,
        "tensor": tensor,
        "pipeline": pipeline,
        "virtual": layers // (pipeline * each) if each and not january else 1,
        "micro_batch": micro,
        "global_batch": int(cells["gbs"]),
        "sequence": 2048,
    }
    reduces_late = (
        pipeline > 1
    )  # --DDP-impl local; the smaller ones ran PyTorch's, which reduces behind the backward pass
    switches = WAITING | {"overlap_gradient_reduce": not reduces_late}
    row = _run(place, cells, gpt(layers, hidden, heads, 51_200, 4 * hidden), plan, execution=switches)
    row["current"] = not january
    row["release"] = "January 2021" if january else "April 2021"
    return stated(row, [*JUDGED, *(["plan.micro_batch", "plan.virtual", "execution"] if january else [])], [])


def _first(place: int, cells: Cells) -> Row:
    """September 2020: sequences of 1,024 by the printed FLOPs, one micro-batch a step."""
    layers, hidden, heads = (int(cells[name]) for name in ("layers", "hidden", "heads"))
    tensor = int(cells["tp"])
    plan = {
        **OLD,
        "tensor": tensor,
        "micro_batch": int(cells["gbs"]) * tensor // int(cells["gpus"]),
        "global_batch": int(cells["gbs"]),
        "sequence": 1024,
    }
    row = _run(place, cells, gpt(layers, hidden, heads, 51_200, 4 * hidden, 1024), plan, execution=WAITING)
    row["device"] = {"V100 (DGX-2)": "V100-32GB", "A100 (DGX-A100)": "A100-40GB"}[cells["gpu"]]
    if row["device"] == "V100-32GB":
        row["cluster"] = {"gpus_per_node": min(16, int(cells["gpus"]))}
    return stated(row, [*JUDGED, "device", "plan.sequence", "plan.micro_batch", "model.vocab_size"], [])


def _against_zero(place: int, cells: Cells) -> Row:
    """Table 2 of the paper: 3D parallelism beside ZeRO-3 alone."""
    layers, hidden, heads, pipeline = LARGE[cells["model"]]
    alone = cells["sharding"].startswith("ZeRO-3")
    plan = {
        **OLD,
        "tensor": 1 if alone else 8,
        "pipeline": 1 if alone else pipeline,
        "micro_batch": int(cells["mbs"]),
        "global_batch": int(cells["gbs"]),
        "sequence": 2048,
        "zero": {"stage": 3, "engine": "DeepSpeed"} if alone else {"stage": 0},
    }
    row = _run(place, cells, gpt(layers, hidden, heads, 51_200, 4 * hidden), plan, execution=WAITING)
    return stated(row, [*JUDGED, "plan.virtual", "plan.sequence"], [])


def _core(place: int, cells: Cells) -> Row:
    """Megatron-Core 0.8 on H100: end to end, with everything that overlaps."""
    layers, hidden, heads = (int(cells[name]) for name in ("layers", "hidden", "heads"))
    tensor = int(cells["tp"])
    plan = {
        "tensor": tensor,
        "pipeline": int(cells["pp"]),
        "sequence_parallel": tensor > 1,
        "overlaps_tensor": tensor > 1,
        "global_batch": int(cells["gbs"]),
        "sequence": int(cells["seq"]),
        "framework": "megatron",
        "precision": {"base": "mixed-bf16"},
        "zero": {"stage": 1},
        "optimizer": "adam",
    }
    model = gpt(layers, hidden, heads, int(cells["vocab"]), 4 * hidden, int(cells["seq"]))
    switches = {"overlap_gradient_reduce": True, "overlap_parameter_gather": True, "end_to_end": True}
    row = _run(place, cells, model, plan, execution=switches)
    return stated(row, ["model", "plan.precision"], ["plan.micro_batch", "plan.virtual", "plan.recompute"])


def _fp8(place: int, cells: Cells) -> Row:
    """Llama 3 in FP8 with Megatron-Core 0.12 (examples/llama/train_llama3_8b_h100_fp8.sh)."""
    tensor = int(cells["tp"])
    plan = {
        "tensor": tensor,
        "pipeline": int(cells["pp"]),
        "virtual": int(cells["vpp"]),
        "context": int(cells["cp"]),
        "sequence_parallel": tensor > 1,
        "micro_batch": int(cells["mbs"]),
        "global_batch": int(cells["gbs"]),
        "sequence": int(cells["seq"]),
        "framework": "megatron",
        "precision": {
            "base": "mixed-bf16",
            "gradients": "bf16",
            "main_gradients": True,
            "recipe": "delayed",
            "parameters_in_fp8": True,
        },
        "zero": {"stage": 1},
        "optimizer": "adam",
        "recompute": {"method": "none"},
        "kernels": {"loss": "native"},
    }
    size = cells["model"].removeprefix("LLAMA3-").lower()
    if size == "405b":  # embedding and loss count as a layer each
        plan["layout"] = "Et|(tt|)*62tL"
    overlapped = {"overlap_gradient_reduce": True, "overlap_parameter_gather": True}
    row = _run(place, cells, f"llama-3.1-{size}", plan, execution=overlapped)
    return stated(row, ["plan.precision", "plan.recompute", "plan.kernels", "plan.layout"], ["plan.overlaps_tensor"])


def llama3(table: Iterable[Cells]) -> Iterator[Row]:
    """The Llama 3 herd of models, table 4: TFLOP/s of 405B's training, whose count of FLOPs is not given."""
    for place, cells in enumerate(table):
        if "2407.21783" not in cells["source"]:
            continue
        plan = known(
            tensor=number(cells, "tp"),
            pipeline=number(cells, "pp"),
            context=number(cells, "cp"),
            sequence_parallel=True,
            global_batch=number(cells, "gbs"),
            sequence=number(cells, "seq"),
            framework="torchtitan",
            precision={"base": "stored-in-fp32"},
            zero={"stage": 2, "engine": "FSDP2", "reshard": False},
            optimizer="adam",
            recompute={"method": "none"} if cells["recompute"] == "none" else None,
        )
        blank = ["plan.micro_batch", "plan.virtual"]
        blank += [f"plan.{name}" for name in ("global_batch", "recompute") if name not in plan]
        row = _run(place, cells, "llama-3.1-405b", plan, id=f"llama-3/{place}")
        yield from speeds(stated(row, ["plan.framework", "plan.precision"], blank), cells)


FMS = {
    "Llama2 7b": "llama-2-7b",
    "Llama2 13b": "llama-2-13b",
    "Llama2 34b": "codellama-34b",
    "Llama2 70b": "llama-2-70b",
}


def fsdp(table: Iterable[Cells]) -> Iterator[Row]:
    """IBM's fms-fsdp: MFU by 6 N + 12 L H Q T, HFU by PyTorch's FLOP counter. The share of layers that "selective"
    checkpointing recomputes is not given.
    """
    for place, cells in enumerate(table):
        if "fms-fsdp" not in cells["source"]:
            continue
        gpus, whole = int(cells["gpus"]), cells["recompute"].startswith("none")
        plan = known(
            micro_batch=int(cells["mbs"]),
            global_batch=int(cells["gbs"]),
            sequence=int(cells["seq"]),
            framework="torchtitan-compiled",
            precision={"base": "stored-in-fp32"},
            zero=known(
                stage=3,
                engine="FSDP2",
                flat=True,
                average_in_fp32=False,
                instances=gpus // 8 if cells["sharding"] == "HSDP" else None,
            ),
            optimizer="adam",
            recompute={"method": "none"} if whole else None,
        )
        per_node = 50_000_000_000 if "400Gbps" in cells["gpu"] else 100_000_000_000
        row = _run(place, cells, FMS[cells["model"]], plan, id=f"fms-fsdp/{place}")
        row["cluster"] = {"network_bandwidth": per_node // 8}
        judged = ["plan.framework", "plan.sequence", "plan.precision", "plan.zero", "cluster"]
        run = stated(row, judged, [] if whole else ["plan.recompute"])
        yield from speeds(run, cells, conventions={"mfu": "palm", "hfu": "torch"})
