"""Measure real training steps: ``python -m benchmarks.gpu.train_steps``.

Every case is a model of transformers with random weights, trained for a few steps on random tokens in plain PyTorch,
each in a process of its own, so that no case finds what another left in the allocator or the libraries. Rows are
written in the schema of ``benchmarks/rows.py``.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import multiprocessing
import statistics
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STEPS = 3
"""The first makes the optimizer's states, the second has the highest memory; the third shows that it stays."""

TIMED = 5
"""Further steps, of which the median is the time of a step."""

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
    "llama-3b": {
        "model_type": "llama",
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    },
    "mixtral-1b": {
        "model_type": "mixtral",
        "hidden_size": 1024,
        "intermediate_size": 3584,
        "num_hidden_layers": 12,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
    },
}

SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 128, "head_dim": 16}
"""What a dry run makes of every model."""

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "adam": ("AdamW", {"fused": True}),
    "adam-foreach": ("AdamW", {"foreach": True}),
    "momentum": ("SGD", {"lr": 1e-3, "momentum": 0.9, "fused": True}),
    "sgd": ("SGD", {"lr": 1e-3, "fused": True}),
}
"""Classes of torch.optim and their arguments, by what plans call them."""


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        model: a key of :data:`MODELS`.
        attention: "eager" or "sdpa".
        autocast: weights in fp32 and multiplies in bf16; else everything in bf16.
        checkpointing: layers are recomputed.
        optimizer: a key of :data:`OPTIMIZERS`.
        batch: sequences of a micro-batch.
        sequence: tokens of each.
        micro_batches: of one step.
    """

    model: str
    attention: str = "sdpa"
    autocast: bool = False
    checkpointing: bool = False
    optimizer: str = "adam"
    batch: int = 1
    sequence: int = 1024
    micro_batches: int = 1

    @property
    def name(self) -> str:
        """What rows call it."""
        weights = "autocast" if self.autocast else "bf16"
        again = "checkpointed" if self.checkpointing else "kept"
        times = f"{self.micro_batches}x" if self.micro_batches > 1 else ""
        tokens = f"{times}{self.batch}x{self.sequence}"
        return f"{self.model}/{self.attention}/{weights}/{again}/{self.optimizer}/{tokens}"

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that the package is asked."""
        found: dict[str, Any] = {
            "micro_batch": self.batch,
            "global_batch": self.batch * self.micro_batches,
            "sequence": self.sequence,
            "framework": f"hf-{self.attention}",
            "precision": {"base": "stored-in-fp32" if self.autocast else "pure-bf16"},
            "optimizer": self.optimizer,
        }
        return found | ({"recompute": {"method": "uniform"}} if self.checkpointing else {})


def cases() -> Iterator[Case]:
    """Every combination of choices for the two small models, and a few sizes, optimizers and models of one."""
    flags = (False, True)
    sizes = ((1, 1024), (4, 2048))
    for model, attention, autocast, again in itertools.product(
        ("llama-0.2b", "qwen3-1b"), ("sdpa", "eager"), flags, flags
    ):
        for batch, sequence in sizes:
            yield Case(model, attention, autocast, again, "adam", batch, sequence)
    base = Case("llama-0.2b")
    longer = ((1, 8192), (8, 1024), (2, 4096), (16, 512))
    yield from (replace(base, batch=batch, sequence=sequence) for batch, sequence in longer)
    yield from (replace(base, optimizer=name, batch=4) for name in ("momentum", "sgd", "adam-foreach"))
    yield from (replace(base, batch=4, micro_batches=count, autocast=wide) for count in (4,) for wide in flags)
    large = Case("llama-3b", sequence=4096)
    yield from (large, replace(large, sequence=2048), replace(large, optimizer="sgd", batch=2))
    yield from (replace(large, checkpointing=True, batch=batch) for batch in (1, 4))
    yield replace(large, checkpointing=True, sequence=16384)
    yield replace(large, checkpointing=True, autocast=True)
    yield replace(large, optimizer="adam-foreach", sequence=2048)
    yield replace(large, checkpointing=True, micro_batches=4)
    experts = Case("mixtral-1b", sequence=2048)
    yield from (replace(experts, checkpointing=again, batch=batch) for again in flags for batch in (1, 4))
    yield replace(experts, attention="eager")


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
    name, options = OPTIMIZERS[case.optimizer]
    optimizer = getattr(torch.optim, name)(model.parameters(), **options)
    sequence = 16 if small else case.sequence
    tokens = torch.randint(0, fields["vocab_size"], (case.batch, sequence), device=device)
    return model, optimizer, tokens


class Run:
    """A case at work on a device."""

    def __init__(self, case: Case, device: str, small: bool = False) -> None:
        self.case, self.device = case, device
        self.model, self.optimizer, self.tokens = trained(case, device, small)

    def step(self) -> None:
        """One step. Gradients are freed after it, as PyTorch does where nothing else is said."""
        import torch

        for _ in range(self.case.micro_batches):
            with torch.autocast(self.device, torch.bfloat16) if self.case.autocast else nullcontext():
                loss = self.model(input_ids=self.tokens, labels=self.tokens, use_cache=False).loss
            loss.backward()
            del loss
        self.optimizer.step()
        self.optimizer.zero_grad()

    def check(self) -> None:
        """The run is one that a person could want.

        Raises:
            ArithmeticError: its weights are no longer finite.
        """
        import torch

        if not torch.isfinite(next(self.model.parameters())).all():
            raise ArithmeticError(f"{self.case.name}: the weights are no longer finite")

    def seconds(self) -> float:
        """The median of further steps, on the device's clock."""
        import torch

        found = []
        for _ in range(TIMED):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            self.step()
            end.record()
            torch.cuda.synchronize()
            found.append(float(start.elapsed_time(end)) / 1000)
        return statistics.median(found)


def measured(case: Case, answers: Any) -> None:
    """Run a case on the GPU; put what was counted, or that it does not fit, into a queue."""
    import torch

    try:
        run = Run(case, "cuda")
        for _ in range(STEPS):
            run.step()
        counters: dict[str, Any] = {
            "allocated": torch.cuda.memory_allocated(),
            "max_allocated": torch.cuda.max_memory_allocated(),
            "max_reserved": torch.cuda.max_memory_reserved(),
        }
        free, whole = torch.cuda.mem_get_info()
        counters["device"] = whole - free
        counters["step_seconds"] = run.seconds()
        run.check()
        answers.put(counters)
    except torch.cuda.OutOfMemoryError:
        answers.put(None)


def rows(case: Case, counters: dict[str, Any], device: str, date: str, software: str) -> Iterator[dict[str, Any]]:
    """The rows of a case."""
    for counter, figure in counters.items():
        read = {"value": figure} if counter == "step_seconds" else {"bytes": figure, "rank": "last"}
        yield {
            "id": f"measured/{case.name}/{counter}",
            "source": f"benchmarks/gpu/train_steps.py, {software}, {date}",
            "kind": "plan",
            "counter": counter,
            **read,
            "device": device,
            "gpus": 1,
            "current": True,
            "model": MODELS[case.model],
            "plan": case.plan,
            "software": date,
        }


def dry(chosen: list[Case]) -> int:
    """One step of every case on the CPU, cut down in size."""
    for number, case in enumerate(chosen, 1):
        run = Run(case, "cpu", small=True)
        run.step()
        run.check()
        print(f"{number} of {len(chosen)}: {case.name} runs")
    return 0


def main() -> int:
    """Run every case and write its rows; one that does not fit is left out and said."""
    parser = argparse.ArgumentParser(description="Measure the memory and the time of real training steps.")
    parser.add_argument("--dry-run", action="store_true", help="one step of every case on the CPU, cut down; no rows")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--out", type=Path, default=MEASURED, help="folder of the rows")
    given = parser.parse_args()
    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)}: not installed; both are needed", file=sys.stderr)
        return 2
    chosen = [case for case in cases() if given.only in case.name]
    if not chosen:
        print(f"--only: no case's name holds {given.only!r}; one is {next(iter(cases())).name}", file=sys.stderr)
        return 2
    return dry(chosen) if given.dry_run else measure(chosen, given.out)


def measure(chosen: list[Case], folder: Path) -> int:
    """Every case in a process of its own; writes its rows."""
    import torch
    import transformers

    import_module("transformers.models.auto.modeling_auto")  # once, for all processes that are forked
    apart = multiprocessing.get_context("fork")
    answers = apart.Queue()
    software = f"torch {torch.__version__}, transformers {transformers.__version__}"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    device = name_of_device()
    if device is None:
        print("there is no GPU here; --dry-run shows that every case runs", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{device.lower().replace(' ', '-')}.jsonl").open("w", encoding="utf-8") as out:
        for number, case in enumerate(chosen, 1):
            process = apart.Process(target=measured, args=(case, answers))
            process.start()
            process.join()
            counters = answers.get() if process.exitcode == 0 else None
            if counters is None:
                why = "does not fit this device" if process.exitcode == 0 else f"ended with {process.exitcode}"
                print(f"{number} of {len(chosen)}: {case.name} {why}", flush=True)
                continue
            out.writelines(json.dumps(row) + "\n" for row in rows(case, counters, device, date, software))
            out.flush()
            shown = ", ".join(f"{counter} {figure:,}" for counter, figure in counters.items())
            print(f"{number} of {len(chosen)}: {case.name}: {shown}", flush=True)
    return 0


def name_of_device() -> str | None:
    """The GPU's name, without initialising CUDA in this process, whose children could not use it then; ``None`` where
    PyTorch is not installed or finds none.
    """
    import subprocess

    if find_spec("torch") is None:
        return None
    ask = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    return found.removeprefix("NVIDIA ") or None


if __name__ == "__main__":
    sys.exit(main())
