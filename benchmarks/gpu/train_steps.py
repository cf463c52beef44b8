"""Measure the memory of real training steps: ``python benchmarks/gpu/train_steps.py``.

Every case is a model of transformers with random weights, trained for a few steps on random tokens in plain PyTorch.
Rows are written in the schema of ``benchmarks/rows.py``.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

STEPS = 3
"""The first makes the optimizer's states, the second has the highest memory; the third shows that it stays."""

MEASURED = Path(__file__).parents[1] / "measured"

MODELS: dict[str, dict[str, Any]] = {
    "llama-0.2b": {
        "model_type": "llama",
        "hidden_size": 1024,
        "intermediate_size": 2816,
        "num_hidden_layers": 12,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
    },
    "qwen3-1b": {
        "model_type": "qwen3",
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 16,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 64000,
    },
}

SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 128, "head_dim": 16}
"""What a dry run makes of every model."""


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        model: a key of :data:`MODELS`.
        attention: "eager" or "sdpa".
        autocast: weights in fp32 and multiplies in bf16; else everything in bf16.
        checkpointing: layers are recomputed.
        optimizer: "adam" or "momentum".
        batch: sequences.
        sequence: tokens of each.
    """

    model: str
    attention: str
    autocast: bool
    checkpointing: bool
    optimizer: str
    batch: int
    sequence: int

    @property
    def name(self) -> str:
        """What rows call it."""
        weights = "autocast" if self.autocast else "bf16"
        again = "checkpointed" if self.checkpointing else "kept"
        return f"{self.model}/{self.attention}/{weights}/{again}/{self.optimizer}/{self.batch}x{self.sequence}"

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that the package is asked."""
        found: dict[str, Any] = {
            "micro_batch": self.batch,
            "global_batch": self.batch,
            "sequence": self.sequence,
            "framework": f"hf-{self.attention}",
            "precision": {"base": "stored-in-fp32" if self.autocast else "pure-bf16"},
            "optimizer": self.optimizer,
        }
        return found | ({"recompute": {"method": "uniform"}} if self.checkpointing else {})


def cases() -> Iterator[Case]:
    """Every combination of choices, and a few sizes of one."""
    flags = (False, True)
    sizes = ((1, 1024), (4, 2048))
    for model, attention, autocast, again in itertools.product(MODELS, ("sdpa", "eager"), flags, flags):
        for batch, sequence in sizes:
            yield Case(model, attention, autocast, again, "adam", batch, sequence)
    base = Case("llama-0.2b", "sdpa", False, False, "adam", 1, 1024)
    yield from (replace(base, batch=batch, sequence=sequence) for batch, sequence in ((1, 8192), (8, 1024), (2, 4096)))
    yield replace(base, optimizer="momentum", batch=4)


def trained(case: Case, device: str, small: bool) -> tuple[Any, Any, Any]:
    """The model, the optimizer and the tokens of a case."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    fields = MODELS[case.model] | (SMALL if small else {})
    config = AutoConfig.for_model(**fields, max_position_embeddings=16384)
    dtype = torch.float32 if case.autocast else torch.bfloat16
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=case.attention).train()
    if case.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    parameters = model.parameters()
    if case.optimizer == "adam":
        optimizer: Any = torch.optim.AdamW(parameters, fused=device == "cuda")
    else:
        optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, fused=device == "cuda")
    sequence = 16 if small else case.sequence
    tokens = torch.randint(0, fields["vocab_size"], (case.batch, sequence), device=device)
    return model, optimizer, tokens


def run(case: Case, device: str, small: bool) -> None:
    """Take the steps of a case."""
    import torch

    model, optimizer, tokens = trained(case, device, small)
    for _ in range(1 if small else STEPS):
        with torch.autocast(device, torch.bfloat16) if case.autocast else nullcontext():
            loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)  # gradients stay, as the package counts them
        del loss
    if not torch.isfinite(next(model.parameters())).all():
        raise ArithmeticError(f"{case.name}: the weights are no longer finite")


def measured(case: Case, date: str, software: str) -> Iterator[dict[str, Any]]:
    """The rows of a case, run on the GPU."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run(case, "cuda", small=False)
    counters = {
        "max_allocated": torch.cuda.max_memory_allocated() - before,
        "max_reserved": torch.cuda.max_memory_reserved(),
    }
    for counter, figure in counters.items():
        yield {
            "id": f"measured/{case.name}/{counter}",
            "source": f"benchmarks/gpu/train_steps.py, {software}, {date}",
            "kind": "plan",
            "counter": counter,
            "bytes": figure,
            "rank": "last",
            "device": torch.cuda.get_device_name().removeprefix("NVIDIA "),
            "gpus": 1,
            "current": True,
            "model": MODELS[case.model],
            "plan": case.plan,
            "software": date,
        }


def main() -> int:
    """Run every case and write its rows; one that does not fit is left out and said."""
    import torch
    import transformers

    parser = argparse.ArgumentParser(description="Measure the memory of real training steps.")
    parser.add_argument("--dry-run", action="store_true", help="one step of every case on the CPU, cut down; no rows")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    given = parser.parse_args()
    chosen = [case for case in cases() if given.only in case.name]
    if given.dry_run:
        for number, case in enumerate(chosen, 1):
            run(case, "cpu", small=True)
            print(f"{number} of {len(chosen)}: {case.name} runs")
        return 0
    if not torch.cuda.is_available():
        print("there is no GPU here; --dry-run shows that every case runs", file=sys.stderr)
        return 2
    software = f"torch {torch.__version__}, transformers {transformers.__version__}"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    MEASURED.mkdir(exist_ok=True)
    name = torch.cuda.get_device_name().removeprefix("NVIDIA ").lower().replace(" ", "-")
    with (MEASURED / f"{name}.jsonl").open("w", encoding="utf-8") as out:
        for number, case in enumerate(chosen, 1):
            try:
                rows = list(measured(case, date, software))
            except torch.cuda.OutOfMemoryError:
                print(f"{number} of {len(chosen)}: {case.name} does not fit this device", flush=True)
                continue
            out.writelines(json.dumps(row) + "\n" for row in rows)
            out.flush()
            shown = ", ".join(f"{row['counter']} {row['bytes']:,} bytes" for row in rows)
            print(f"{number} of {len(chosen)}: {case.name}: {shown}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
