"""The bytes that transformers' caches hold after a real prompt, beside those that weighbridge says."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from weighbridge.estimate.cache import cache
from weighbridge.formats.loading import from_raw

torch = pytest.importorskip("torch", reason="the oracle needs torch: make oracle")

from tests.oracle.draws import SMALL  # noqa: E402 (needs transformers)
from tests.oracle.sizes import VOCABULARY  # noqa: E402
from tests.oracle.small import real_model, small  # noqa: E402

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_CACHE_DRAWS", "1"))
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def tensors(value: Any, seen: set[int]) -> Iterator[Any]:
    """Every tensor with a batch that a cache holds, wherever it stands in it, once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        if value.dim() > 1:  # others are counters
            yield value
    elif isinstance(value, dict):
        yield from (t for item in value.values() for t in tensors(item, seen))
    elif isinstance(value, list | tuple):
        yield from (t for item in value for t in tensors(item, seen))
    elif type(value).__module__.startswith("transformers") and hasattr(value, "__dict__"):
        yield from (t for name, item in vars(value).items() if "config" not in name for t in tensors(item, seen))


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", SMALL)
def test_a_cache_holds_what_transformers_holds(kind: str, dtype: str, number: int) -> None:
    rng = random.Random(f"cache {kind} {number}")
    fields, prompt, batch = small(kind, rng), rng.randint(2, 40), rng.randint(1, 3)
    model = real_model(kind, fields).to(DTYPES[dtype]).eval()
    with torch.no_grad():
        out = model(torch.randint(0, VOCABULARY, (batch, prompt)), use_cache=True)
    held = out["cache_params"] if "cache_params" in out else out["past_key_values"]
    theirs = sum(t.numel() * t.element_size() for t in tensors(held, set()))
    ours = cache(from_raw(kind, {"model_type": kind, **fields}, {}, ""), prompt, batch, dtype)
    assert ours.bytes == theirs, (fields, prompt, batch)
