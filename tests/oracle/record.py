"""Writes tests/golden/counts.json: what the real libraries counted, for the tests that run without them.

    python -m tests.oracle.record

Each row is a random configuration, its parameters by kind in the model that transformers builds, and the floating-point
operations of a training step as PyTorch's FlopCounterMode counts them.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch

from tests.oracle.draws import SMALL, TYPES, drawn
from tests.oracle.sizes import VOCABULARY
from tests.oracle.small import real_model, small
from tests.oracle.test_flops import counted
from tests.oracle.test_parameters import built, of_modules

TARGET = Path(__file__).parents[1] / "golden" / "counts.json"
PER_TYPE = 3


def parameters(model_type: str, seed: str) -> dict[str, Any]:
    """A configuration and the parameters of the real model, by kind."""
    raw = {"model_type": model_type, **drawn(model_type, seed)}
    return {"raw": raw, "by_kind": dict(of_modules(built(raw).named_parameters(), model_type))}


def flops(model_type: str, seed: str) -> dict[str, Any]:
    """A small configuration and the floating-point operations of a training step of the real model."""
    draw = random.Random(seed)
    fields, sequence, batch = small(model_type, draw), draw.randint(2, 90), draw.randint(1, 3)
    model = real_model(model_type, fields).train()
    tokens = torch.randint(0, VOCABULARY, (batch, sequence))
    forward, logits = counted(lambda: model(tokens, use_cache=False).logits)
    backward, _ = counted(lambda: logits.float().sum().backward())
    raw = {"model_type": model_type, **fields}
    return {"raw": raw, "sequence": sequence, "batch": batch, "forward": forward, "backward": backward}


def main() -> None:
    """Record every type."""
    rows = {
        "parameters": [parameters(kind, f"golden {kind} {n}") for kind in TYPES for n in range(PER_TYPE)],
        "flops": [flops(kind, f"golden {kind}") for kind in SMALL],
    }
    TARGET.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
