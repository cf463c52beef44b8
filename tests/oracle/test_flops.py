"""FLOPs under the convention "torch" against PyTorch's own counter, on small real models, to the last FLOP."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from weighbridge.estimate.compute import FlopReport, flops, forward_pass
from weighbridge.formats.loading import from_raw
from weighbridge.tape import Phase

torch = pytest.importorskip("torch", reason="the oracle needs torch: make oracle")
flop_counter = pytest.importorskip("torch.utils.flop_counter")

from tests.oracle.draws import SMALL  # noqa: E402 (needs transformers)
from tests.oracle.sizes import VOCABULARY  # noqa: E402
from tests.oracle.small import real_model, small  # noqa: E402

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_FLOP_DRAWS", "2"))


def counted(run: Any) -> tuple[int, Any]:
    """FLOPs of a call as PyTorch counts them, and its result."""
    with flop_counter.FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops(), result


@pytest.mark.parametrize("seed", range(DRAWS))
@pytest.mark.parametrize("kind", SMALL)
def test_a_training_step_takes_what_pytorch_counts(kind: str, seed: int) -> None:
    draw = random.Random(f"{kind} {seed}")
    fields, sequence, batch = small(kind, draw), draw.randint(2, 90), draw.randint(1, 3)
    model = real_model(kind, fields).train()
    tokens = torch.randint(0, VOCABULARY, (batch, sequence))
    forward, logits = counted(lambda: model(tokens, use_cache=False).logits)
    backward, _ = counted(lambda: logits.float().sum().backward())
    ours = FlopReport(from_raw(kind, {"model_type": kind, **fields}, {}, ""), forward_pass(sequence, batch), "torch")
    assert (ours.forward, ours.backward) == (forward, backward), fields


@pytest.mark.parametrize("kind", SMALL)
def test_a_prompt_and_the_tokens_after_it_take_what_pytorch_counts(kind: str) -> None:
    draw = random.Random(kind)
    fields, prompt, new, batch = small(kind, draw), draw.randint(2, 40), 5, 2
    model = real_model(kind, fields).eval().requires_grad_(False)  # else the counter looks for gradients (DBRX)
    keep = {} if kind == "mamba2" else {"logits_to_keep": 1}
    with torch.no_grad():
        tokens = torch.randint(0, VOCABULARY, (batch, prompt))
        prefill, out = counted(lambda: model(tokens, use_cache=True, **keep))
        name = "cache_params" if "cache_params" in out else "past_key_values"
        step = torch.randint(0, VOCABULARY, (batch, 1))
        decode = sum(counted(lambda: model(step, use_cache=True, **{name: out[name]}))[0] for _ in range(new))
    ours = from_raw(kind, {"model_type": kind, **fields}, {}, "")
    before = forward_pass(prompt, batch, phase=Phase.PREFILL)
    report = FlopReport(ours, before, "torch")
    head = report.of(next(n for n in report.tree.walk() if n.name == "head"), "forward")
    extra = head * (prompt - 1) if kind == "mamba2" else 0  # transformers' Mamba 2 makes logits of every position
    assert report.forward + extra == prefill, fields
    after = forward_pass(new, batch, phase=Phase.DECODE, past=prompt)
    assert FlopReport(ours, after, "torch").forward == decode, fields


@pytest.mark.parametrize("kv_heads", [1, 4])
def test_flash_attention_takes_what_pytorch_counts(kv_heads: int) -> None:
    batch, heads, sequence, dim = 2, 4, 24, 16
    sizes = {"vocab_size": 96, "intermediate_size": 80, "num_hidden_layers": 1, "num_attention_heads": heads}
    fields = {"hidden_size": heads * dim, "num_key_value_heads": kv_heads, **sizes}
    model = from_raw("llama", {"model_type": "llama", **fields}, {}, "")
    eager, flash = (flops(model, sequence, batch, convention="torch", flash=kernel) for kernel in (False, True))
    q = (batch, heads, sequence, dim)
    assert eager.forward == flash.forward
    scores = flop_counter.sdpa_backward_flop_count(q, q, q, q) - 2 * flop_counter.sdpa_flop_count(q, q, q)
    assert flash.backward - eager.backward == scores > 0
