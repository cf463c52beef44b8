"""Rows of earlier training runs and of papers that are described by a table: columns become a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.normalise_plans import GB, GIB, Cells, device, figure, gpt, number, stated
from benchmarks.rows import Row

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


def bigscience(table: Iterable[Cells]) -> Iterator[Row]:
    """Megatron-DeepSpeed, in whole GB as the device shows them; runs that ran out of memory too.

    Judged: where a table does not name the ZeRO stage it is 1, because whole states alone would be more than was used.
    """
    for place, cells in enumerate(table):
        printed, failed = cells["measured_peak_mem_gb"], cells["outcome"] == "OOM"
        if printed or failed:
            yield _bigscience(f"bigscience/{place}", cells, printed, failed)


def _bigscience(name: str, cells: Cells, printed: str, failed: bool) -> Row:
    vocabulary = {"250k": 250_680, "": 50_257}.get(cells["vocab"]) or int(cells["vocab"])
    half = cells["precision"].startswith("fp16")
    layers, heads, ffn = number(cells, "layers"), number(cells, "heads"), number(cells, "ffn")
    memory = {"V100 32GB": 32, "V100 16GB": 16}.get(cells["gpu"], 80) * GIB
    measured = {"bytes": memory, "fits": False} if failed else figure(printed, GB)
    row: Row = {
        "id": f"{name}/{'fits' if failed else 'device'}",
        "source": cells["source"],
        "kind": "plan",
        "counter": "fits" if failed else "device",
        **measured,  # type: ignore[typeddict-item]
        "rank": "highest",
        "device": device(cells["gpu"]),
        "gpus": int(cells["gpus"]),
        "current": True,
        "model": gpt(layers, int(cells["hidden"]), heads, vocabulary, ffn),
        "plan": {
            "tensor": int(cells["tp"]),
            "pipeline": int(cells["pp"]),
            "micro_batch": int(cells["mbs"]),
            "global_batch": int(cells["gbs"]),
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
    if not cells["sharding"]:
        judged.append("plan.zero")
    return stated(row, ["plan.framework", "plan.kernels", *judged], blank)


def internevo(table: Iterable[Cells]) -> Iterator[Row]:
    """InternEvo, in whole GB; which counter is not said. Sequences are those of the source's other table."""
    for place, cells in enumerate(table):
        if not cells["measured_peak_mem_gb"]:
            continue
        row: Row = {
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
        yield row


def papers(table: Iterable[Cells]) -> Iterator[Row]:
    """Korthikanti et al. 2022, figures 1 and 7: parameters and optimizer, activations, and their shares."""
    rows = list(enumerate(table))
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
            share = {"bytes": None, "percent": percent, "baseline": baselines[cells["model"]]}
            yield _paper(place, cells, "activations", share)


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
        "judged": ["model.vocab_size", "plan.precision.gradients", "plan.kernels"],
    }
    return row
