"""Rows of fine-tuning runs. They are not estimated yet; what their sources say is kept for when they are.

LitGPT's times of whole runs are left out: its sequences have the lengths of its texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.normalise_plans import GB, GIB, Cells, device, figure, known, number
from benchmarks.rows import Row
from benchmarks.speeds import clocked, value

METHODS = {"full": "full", "Full-parameter": "full", "QLoRA": "qlora", "Q-LoRA": "qlora", "Adapter": "adapter"}
DEVICES = {
    "A100-SXM4-80GB": "A100",
    "A100-SXM4-40GB": "A100-40GB",
    "A100 40GB": "A100-40GB",
    "A10G 24GB": "A10G",
    "RTX 4090": "RTX-4090",
    "A6000": "A6000",
    "A100": "A100",
}
MODELS = {
    "Llama 2 7 B": "llama-2-7b",
    "Llama 2 7B": "llama-2-7b",
    "Llama2-7B": "llama-2-7b",
    "Llama 2 13 B": "llama-2-13b",
    "Llama2-70B": "llama-2-70b",
    "Llama 3.1 8B": "llama-3.1-8b",
    "Llama 3.1 70B": "llama-3.1-70b",
    "Llama 3.1 405B": "llama-3.1-405b",
    "Llama 3.2 3B": "llama-3.2-3b",
    "llama-3-8b": "llama-3.1-8b",
    "tiny-llama": "tinyllama-1.1b",
    "Phi-3-mini-4k-instruct": "phi-3-mini",
    "Falcon 40 B": "falcon-40b",
    "tiiuae/falcon-7b": "falcon-7b",
    "phi-1.5 1.3 B": "phi-1.5",
    "StableLM Alpha 3 B": "stablelm-base-alpha-3b",
    "StableLM 3B": "stablelm-base-alpha-3b",
}
QWEN = {
    name: {
        "model_type": "qwen2",
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": ffn,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
    }
    for name, vocabulary, hidden, ffn, layers, heads in (
        ("Qwen-1.8B", 151_936, 2048, 5504, 24, 16),
        ("Qwen-7B", 151_936, 4096, 11_008, 32, 32),
        ("Qwen-14B", 152_064, 5120, 13_696, 40, 40),
        ("Qwen-72B", 152_064, 8192, 24_576, 80, 64),
    )
}
"""As Qwen's configurations on Hugging Face have it, in the fields of Qwen2, which has the same modules."""


def _model(name: str) -> str:
    return MODELS.get(name, name.lower())


def _tuning(cells: Cells, base: str | None, **more: Any) -> dict[str, Any]:
    targets = cells.get("lora_targets") or None
    names = [name.strip() for name in targets.split(",") if name.strip()] if targets else None
    method = METHODS.get(cells["task"], "lora")
    rank, trainable = number(cells, "lora_rank"), number(cells, "trainable_params")
    return known(method=method, rank=rank, targets=names, trainable=trainable, base=base, **more)


def qwen(table: Iterable[Cells]) -> Iterator[Row]:
    """Qwen 1: memory of all GPUs together, unit printed as "G"; seconds per iteration."""
    for place, cells in enumerate(table):
        offloaded = {"zero": {"stage": 3, "engine": "DeepSpeed"}} if "ZeRO-3" in cells["sharding"] else {}
        row: Row = {
            "id": f"qwen1/{place}/device",
            "source": cells["source"],
            "kind": "fine-tuning",
            "counter": "device",
            **figure(cells["measured_peak_mem_gb"], GB),  # type: ignore[typeddict-item]
            "rank": "sum" if cells["total_over_gpus"] == "yes" else "highest",
            "device": DEVICES[cells["gpu"]],
            "gpus": int(cells["gpus"]),
            "current": True,
            "model": QWEN[cells["model"]],
            "plan": {
                "micro_batch": int(cells["mbs"]),
                "global_batch": int(cells["gbs"]),
                "sequence": int(cells["seq"]),
                "framework": "hf-flash",
                **offloaded,
            },
            "tuning": _tuning(cells, "int4" if "int4" in cells["precision"] else None),
            "judged": ["unit", "counter", "model"],
        }
        if "emb" in cells["task"]:
            row["tuning"]["targets"] = ["all", "embedding", "head"]
        yield row
        if cells["measured_step_s"]:
            step = clocked(row, "step_seconds", value(cells["measured_step_s"]))
            yield {**step, "id": f"qwen1/{place}/step_seconds", "judged": ["model"]}


def litgpt(table: Iterable[Cells]) -> Iterator[Row]:
    """LitGPT: decimal GB, maximum allocated; runs that ran out of memory are kept as such. One column of memory stands
    beside times on one GPU and on four.
    """
    alone: dict[tuple[str, str], str] = {}
    for place, cells in enumerate(table):
        failed = cells["outcome"] == "OOM"
        if cells["task"] == "inference" or not (cells["measured_peak_mem_gb"] or failed):
            continue
        row = _litgpt(place, cells, failed)
        run = cells["source"], cells["measured_peak_mem_gb"]
        if row["gpus"] == 1:
            alone[run] = row["id"]
        elif run in alone and not failed and "config_hub" in cells["source"]:
            row["repeat_of"] = alone[run]
        yield row


def _recipe(cells: Cells) -> str:
    """The model of a row; of a recipe that which its file names: "gemma-2b" in the table of config_hub/finetune is
    Gemma 2 2B where the file is gemma2-2b/lora.yaml or qlora.yaml (checkpoint_dir: checkpoints/google/gemma-2-2b).
    """
    second = "config_hub/finetune/gemma2-2b/" in cells["notes"]
    return "gemma-2-2b" if second else _model(cells["model"])


def _litgpt(place: int, cells: Cells, failed: bool) -> Row:
    memory = {"A100-SXM4-40GB": 40, "A100 40GB": 40, "A10G 24GB": 24}[cells["gpu"]] * GIB
    measured = {"bytes": memory, "fits": False} if failed else figure(cells["measured_peak_mem_gb"], GB)
    batch, size = number(cells, "mbs"), number(cells, "gbs")
    base = cells["precision"].partition("bnb.")[2] or None
    row: Row = {
        "id": f"litgpt/{place}/{'fits' if failed else 'max_allocated'}",
        "source": cells["source"],
        "kind": "fine-tuning",
        "counter": "fits" if failed else "max_allocated",
        **measured,  # type: ignore[typeddict-item]
        "rank": "highest",
        "device": DEVICES[cells["gpu"]],
        "gpus": int(cells["gpus"]),
        "current": True,
        "model": _recipe(cells),
        "plan": known(
            micro_batch=batch,
            global_batch=size,
            sequence=number(cells, "seq"),
            framework="litgpt",
            precision={"base": "mixed-bf16" if "mixed" in cells["precision"] else "pure-bf16"},
            optimizer="adam",
            zero={"stage": 3} if cells["sharding"].startswith("FSDP") else None,
        ),
        "tuning": _tuning(cells, base, lengths="longest" if cells["seq"] else None),
    }
    if not (batch and cells["seq"]):
        row["unknown"] = ["plan.micro_batch", "plan.sequence"]
    return row


def consumer(table: Iterable[Cells]) -> Iterator[Row]:
    """torchtune: maximum active or reserved, in GiB; tokens per second."""
    for place, cells in enumerate(table):
        active = "Peak Memory ACTIVE" in cells["notes"]
        counter = "max_active" if active else "max_reserved"
        unit = GB if "printed GB" in cells["notes"] else GIB
        compiled = "torch compile" in cells["notes"] or any(f"step {n}:" in cells["notes"] for n in range(2, 10))
        row: Row = {
            "id": f"torchtune/{place}/{counter}",
            "source": cells["source"],
            "kind": "fine-tuning",
            "counter": counter,
            **figure(cells["measured_peak_mem_gb"], unit),  # type: ignore[typeddict-item]
            "rank": "highest",
            "device": device(DEVICES[cells["gpu"]]),
            "gpus": int(cells["gpus"]),
            "current": True,
            "model": _model(cells["model"]),
            "plan": known(
                micro_batch=int(cells["mbs"]),
                global_batch=number(cells, "gbs"),
                sequence=int(cells["seq"]),
                framework="torchtune",
                precision={"base": "pure-bf16"},
                optimizer={"8-bit AdamW": "adam8bit", "AdamW": "adam"}.get(cells["optimizer"]),
                zero={"stage": 3, "engine": "FSDP2"} if cells["sharding"] == "FSDP" else None,
                offload=_offload(cells["notes"]),
                kernels={"loss": "eager"} if any(f"step {n}:" in cells["notes"] for n in range(3)) else None,
                recompute={"full": {"method": "uniform"}, "none": {"method": "none"}}.get(cells["recompute"]),
            ),
            "tuning": _tuning(
                cells,
                "nf4" if cells["task"] == "QLoRA" else None,
                packed="step 0" not in cells["notes"],
                compiled=compiled,
            ),
        }
        blank = [f"plan.{field}" for field in ("optimizer", "recompute") if field not in row["plan"]]
        if not row["tuning"]["packed"]:  # the lengths of its texts
            blank.append("plan.sequence")
        if blank:
            row["unknown"] = blank
        if not active:
            row["judged"] = ["counter"]
        yield row
        if cells["tokens_per_s_as_printed"]:
            speed = clocked(row, "tokens_per_second_per_gpu", value(cells["tokens_per_s_as_printed"]))
            speed["id"] = f"torchtune/{place}/tokens_per_second_per_gpu"
            if speed["gpus"] != 1:  # whether it is that of one GPU or of all is not said
                speed["unknown"] = [*speed.get("unknown", []), "counter"]
            yield speed


def _offload(notes: str) -> dict[str, Any] | None:
    if "CPU offload" in notes:
        return {"optimizer": 1.0, "weights": True}
    if any(f"step {number}:" in notes for number in range(6, 10)):  # each step goes on from those before it
        return {"activations": ["layers"]}
    return None
