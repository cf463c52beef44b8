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
transformers = pytest.importorskip("transformers", reason="the oracle needs transformers: make oracle")
flop_counter = pytest.importorskip("torch.utils.flop_counter")

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_FLOP_DRAWS", "2"))
VOCABULARY = 96


def common(draw: random.Random) -> dict[str, Any]:
    """Sizes of a small decoder with attention."""
    kv_heads = draw.choice([1, 2, 4])
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": 8 * draw.randint(2, 6) * 4,
        "intermediate_size": draw.randint(20, 70),
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": kv_heads,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def experts(draw: random.Random, name: str = "num_experts") -> dict[str, Any]:
    """A small mixture of experts."""
    return {name: 4, "num_experts_per_tok": draw.randint(1, 3), "moe_intermediate_size": draw.randint(8, 24)}


def latent(draw: random.Random) -> dict[str, Any]:
    """Multi-head latent attention with grouped routing switched off."""
    return {
        "num_key_value_heads": 4,
        "q_lora_rank": draw.choice([None, 20]),
        "kv_lora_rank": 12,
        "qk_nope_head_dim": 2 * draw.randint(4, 8),
        "qk_rope_head_dim": 8,
        "v_head_dim": 2 * draw.randint(4, 8),
        "first_k_dense_replace": draw.randint(0, 2),
        "n_shared_experts": draw.randint(1, 2),
        "n_group": 1,
        "topk_group": 1,
        **experts(draw, "n_routed_experts"),
    }


def state_space(draw: random.Random) -> dict[str, Any]:
    """A small Mamba 2."""
    return {"n_groups": draw.choice([1, 2]), "chunk_size": 16, "conv_kernel": draw.choice([2, 4])}


def drawn(kind: str, draw: random.Random) -> dict[str, Any]:
    """A random small configuration of a ``model_type``."""
    width = {"head_dim": 2 * draw.randint(4, 14)}
    shared = {"shared_expert_intermediate_size": draw.randint(8, 30)}
    window = {"sliding_window": draw.randint(3, 12)}
    delta = {
        "linear_num_key_heads": 2,
        "linear_num_value_heads": draw.choice([2, 4]),
        "linear_key_head_dim": draw.randint(4, 16),
        "linear_value_head_dim": draw.randint(4, 16),
        "num_hidden_layers": 4,
    }
    mamba = {"ssm_state_size": draw.randint(8, 20), "mamba_num_heads": 8, "mamba_head_dim": draw.randint(4, 16)}
    moe = {"n_routed_experts": 4, **experts(draw, "n_routed_experts"), "moe_shared_expert_intermediate_size": 30}
    tail: dict[str, dict[str, Any]] = {
        "gpt2": {"n_positions": 256},
        "mistral": window,
        "mixtral": {"num_local_experts": 4, "num_experts_per_tok": draw.randint(1, 3)},
        "qwen2_moe": {**experts(draw), **shared},
        "qwen3": width,
        "qwen3_moe": {**experts(draw), **width},
        "qwen3_next": {**experts(draw), **shared, **width, **delta},
        "gemma2": {**width, **window},
        "gemma3_text": {**width, **window},
        "deepseek_v2": latent(draw),
        "deepseek_v3": latent(draw),
        "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": draw.randint(1, 3), **width, **window},
        "nemotron_h": {"hybrid_override_pattern": "M*-E", **width, **state_space(draw), **mamba, **moe},
    }
    fields = {**common(draw), **tail.get(kind, {})}
    if kind == "gpt2":
        del fields["num_key_value_heads"], fields["intermediate_size"]
    if kind == "mamba2":
        heads, dim = 8, fields["hidden_size"] // 4
        own = {"num_heads": heads, "head_dim": dim, "state_size": draw.randint(8, 20), **state_space(draw)}
        names = ("vocab_size", "hidden_size", "num_hidden_layers", "pad_token_id", "bos_token_id", "eos_token_id")
        fields = {name: fields[name] for name in names} | own
    return fields


KINDS = [
    "gpt2",
    "llama",
    "mistral",
    "mixtral",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "qwen3_next",
    "gemma2",
    "gemma3_text",
    "phi3",
    "deepseek_v2",
    "deepseek_v3",
    "gpt_oss",
    "mamba2",
    "nemotron_h",
]


def real_model(kind: str, fields: dict[str, Any]) -> Any:
    """The model that transformers builds, with matrix multiplies instead of fused kernels."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **fields)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")
    return model


def counted(run: Any) -> tuple[int, Any]:
    """FLOPs of a call as PyTorch counts them, and its result."""
    with flop_counter.FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops(), result


@pytest.mark.parametrize("seed", range(DRAWS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_takes_what_pytorch_counts(kind: str, seed: int) -> None:
    draw = random.Random(f"{kind} {seed}")
    fields, sequence, batch = drawn(kind, draw), draw.randint(2, 90), draw.randint(1, 3)
    model = real_model(kind, fields).train()
    tokens = torch.randint(0, VOCABULARY, (batch, sequence))
    forward, logits = counted(lambda: model(tokens, use_cache=False).logits)
    backward, _ = counted(lambda: logits.float().sum().backward())
    ours = FlopReport(from_raw(kind, {"model_type": kind, **fields}, {}, ""), forward_pass(sequence, batch), "torch")
    assert (ours.forward, ours.backward) == (forward, backward), fields


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_and_the_tokens_after_it_take_what_pytorch_counts(kind: str) -> None:
    draw = random.Random(kind)
    fields, prompt, new, batch = drawn(kind, draw), draw.randint(2, 40), 5, 2
    model = real_model(kind, fields).eval()
    keep = {} if kind == "mamba2" else {"logits_to_keep": 1}
    with torch.no_grad():
        tokens = torch.randint(0, VOCABULARY, (batch, prompt))
        prefill, out = counted(lambda: model(tokens, use_cache=True, **keep))
        name = "cache_params" if kind == "mamba2" else "past_key_values"
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
