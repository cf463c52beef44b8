"""Adapters beside PEFT's: the same trained parameters for any list of targets, on the meta device; and the same tensors
kept for the backward pass, beside PyTorch's saved-tensor hooks.
"""

from __future__ import annotations

import gc
import os
import random
from collections import Counter
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import pytest

pytest.importorskip("torch", reason="the oracle needs torch and transformers: install both")
pytest.importorskip("transformers", reason="the oracle needs torch and transformers: install both")
pytest.importorskip("peft", reason="adapters are compared with PEFT's: install it")

from tests.oracle.draws import SMALL
from tests.oracle.small import from_config
from tests.oracle.test_kept_transformers import drawn
from weighbridge.errors import InputError
from weighbridge.estimate.memory.activations import in_common
from weighbridge.estimate.training import train
from weighbridge.formats.loading import from_raw
from weighbridge.models import Model
from weighbridge.models.tuning import Lora, Tuning, trained
from weighbridge.parallel.plan import Plan
from weighbridge.traced import plain
from weighbridge.units import FP32

torch, transformers, peft = (pytest.importorskip(name) for name in ("torch", "transformers", "peft"))

pytestmark = pytest.mark.oracle

DRAWS = int(os.environ.get("WEIGHBRIDGE_KEPT_DRAWS", "8"))
ALL = ("all-linear",)
WIDTHS = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 128}
GATED = {**WIDTHS, "num_key_value_heads": 2, "intermediate_size": 96}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "llama": GATED,
    "mistral": GATED,
    "qwen2": GATED,
    "qwen3": {**GATED, "head_dim": 24},
    "gemma2": {**GATED, "head_dim": 16},
    "phi3": {**GATED, "pad_token_id": 0},
    "gpt2": {"n_embd": 64, "n_layer": 3, "n_head": 4, "vocab_size": 128, "n_positions": 64},
    "phi": {**WIDTHS, "intermediate_size": 96, "num_key_value_heads": 4},
    "falcon": {**WIDTHS, "new_decoder_architecture": False, "multi_query": True, "bias": False},
    "olmo2": GATED,
    "starcoder2": GATED,
    "mixtral": {**GATED, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {**GATED, "num_experts": 4, "moe_intermediate_size": 32, "num_experts_per_tok": 2},
}
TARGETS: dict[str, list[tuple[str, ...]]] = {
    "gpt2": [("c_attn",), ("c_proj",), ("c_attn", "c_fc"), ("attn.c_proj",), ("mlp.c_proj",)],
    "phi": [("q_proj", "dense"), ("fc1", "fc2"), ("lm_head",)],
    "phi3": [("qkv_proj",), ("gate_up_proj", "down_proj")],
    "falcon": [("query_key_value",), ("dense_h_to_4h", "dense"), ("dense_4h_to_h",)],
    "starcoder2": [("c_fc",), ("q_proj", "mlp.c_proj")],
}
TABLES: list[tuple[str, tuple[str, ...]]] = [
    ("llama", ("embed_tokens",)),
    ("llama", ("embed_tokens", "lm_head", "q_proj")),
    ("gemma2", ("embed_tokens", "v_proj")),
    ("gpt2", ("wte", "c_attn")),
    ("gpt2", ("wpe",)),
    ("mixtral", ("embed_tokens", "w2")),
]
MIXTURES: dict[str, list[tuple[str, ...]]] = {
    "mixtral": [("w1", "w2", "w3"), ("w2",), ("gate", "v_proj")],
    "qwen3_moe": [("gate_proj", "up_proj", "down_proj"), ("down_proj", "q_proj")],
}
USUAL: list[tuple[str, ...]] = [
    ("q_proj",),
    ("q_proj", "v_proj"),
    ("q_proj", "k_proj", "v_proj", "o_proj"),
    ("self_attn.o_proj",),
    ("layers.1.self_attn.q_proj", "k_proj"),
    (r".*\.(q_proj|o_proj)",),
    (r"model\.layers\.[01]\.self_attn\.v_proj",),
]
DENSE: list[tuple[str, ...]] = [("gate_proj", "up_proj", "down_proj"), (r".*layers\.2\.mlp\.(up|down)_proj",)]


def cases() -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for kind in CONFIGURATIONS:
        own = TARGETS.get(kind, USUAL + DENSE)
        if kind in MIXTURES:  # of which PEFT resolves an expression to ends of names, and so to every layer
            own = [targets for targets in USUAL if "\\" not in targets[0]] + MIXTURES[kind]
        found += [(kind, targets) for targets in (ALL, *own)]
    return found


def theirs(kind: str, lora: Lora, rank: int, **more: Any) -> int:
    """Trained parameters as PEFT counts them."""
    config = transformers.AutoConfig.for_model(kind, **CONFIGURATIONS[kind])
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
        names: Any = list(lora.targets)
        if lora.targets == ALL or not all(c.isalnum() or c in "._-" for name in names for c in name):
            names = names[0]
        options = {"use_dora": lora.dora, "bias": lora.bias, "modules_to_save": list(lora.saved) or None, **more}
        adapted = peft.get_peft_model(model, peft.LoraConfig(r=rank, target_modules=names, **options))
    return int(adapted.get_nb_trainable_parameters()[0])


def tuned(kind: str, fields: dict[str, Any], tuning: Tuning) -> Model:
    return replace(from_raw(kind, {"model_type": kind, **fields}, {}, "draw"), tuning=tuning)


def ours(kind: str, lora: Lora) -> int:
    """The same as weighbridge counts them."""
    return int(sum(map(plain, trained(tuned(kind, CONFIGURATIONS[kind], Tuning(lora)).tree))))


@pytest.mark.parametrize(("kind", "targets"), cases())
def test_trained_parameters(kind: str, targets: tuple[str, ...]) -> None:
    for rank, dora in ((1, False), (5, False), (8, True)):
        dora = dora and kind not in MIXTURES  # which PEFT refuses for tensors of experts
        lora = Lora(rank, targets, dora=dora)
        assert ours(kind, lora) == theirs(kind, lora, rank), f"{kind}: {targets}, rank {rank}, DoRA {dora}"


@pytest.mark.parametrize(("kind", "targets"), TABLES)
def test_trained_parameters_with_embeddings(kind: str, targets: tuple[str, ...]) -> None:
    for rank in (1, 5):
        assert ours(kind, Lora(rank, targets)) == theirs(kind, Lora(rank, targets), rank), f"{kind}: {targets}"


def test_half_of_a_joined_tensor_of_experts_is_refused_as_there() -> None:
    lora = Lora(4, ("w1",))
    with pytest.raises(ValueError, match="fused into gate_up_proj"):
        theirs("mixtral", lora, 4)
    with pytest.raises(InputError, match="one tensor"):
        ours("mixtral", lora)


NOT_ALIKE = {
    *("gemma3", "minimax_m3_vl", "qwen3_5", "qwen3_5_moe", "qwen3_vl", "qwen3_vl_moe", "step3p7", "gemma4"),  # towers
    *("gemma3n_text", "gemma4_text", "deepseek_v4", "granitemoehybrid", "minimax_m3_vl_text"),  # further projections
    "zamba2",  # whose shared blocks have adapters of their own
    *("falcon_h1", "mamba", "mamba2", "nemotron_h"),  # which PEFT refuses
}
"""Types of whose projections "all-linear" is not the same ones."""


@pytest.mark.parametrize("kind", sorted(SMALL.keys() - NOT_ALIKE))
def test_all_linear_of_every_type(kind: str) -> None:
    fields = SMALL[kind](random.Random(kind))
    config = transformers.AutoConfig.for_model(kind, **fields)
    with torch.device("meta"):
        adapted = peft.get_peft_model(from_config(kind, config), peft.LoraConfig(r=4, target_modules="all-linear"))
    model = tuned(kind, fields, Tuning(Lora(4)))
    assert int(sum(map(plain, trained(model.tree)))) == int(adapted.get_nb_trainable_parameters()[0])


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "phi", "starcoder2"])
@pytest.mark.parametrize("bias", ["all", "lora_only"])
def test_trained_biases(kind: str, bias: str) -> None:
    fields = {"gpt2": ("c_attn",), "phi": ("q_proj", "fc1")}
    lora = Lora(4, fields.get(kind, ("q_proj",)), bias=bias)
    assert ours(kind, lora) == theirs(kind, lora, 4)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "phi"])
@pytest.mark.parametrize("saved", [("lm_head",), ("embed_tokens", "lm_head")])
def test_modules_that_are_saved(kind: str, saved: tuple[str, ...]) -> None:
    lora = Lora(4, ("q_proj",), saved=saved)
    assert ours(kind, lora) == theirs(kind, lora, 4)


def test_rslora_has_the_same_sizes() -> None:
    lora = Lora(4, ("q_proj",))
    assert ours("llama", lora) == theirs("llama", lora, 4, use_rslora=True)


def real(kind: str, fields: dict[str, Any], attention: str, batch: int, sequence: int, lora: Lora) -> Counter[int]:
    """How many tensors of so many bytes stay, by every storage once."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **fields)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.bfloat16)
    names: Any = list(lora.targets) if lora.targets != ALL else ALL[0]
    options = {"use_dora": lora.dora, "lora_dropout": lora.dropout}
    config = peft.LoraConfig(r=lora.rank, target_modules=names, **options)
    model = peft.get_peft_model(model, config, autocast_adapter_dtype=lora.dtype is FP32)
    model.train()
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: WeakSet[Saved] = WeakSet()

    def pack(tensor: Any) -> Saved:
        made = Saved(tensor)
        if tensor.untyped_storage().data_ptr() not in own:
            saved.add(made)
        return made

    tokens = torch.randint(0, fields["vocab_size"], (batch, sequence))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda made: made.tensor):
        loss = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    assert loss.requires_grad
    gc.collect()
    storages = {made.tensor.untyped_storage().data_ptr(): made.tensor.untyped_storage() for made in saved}
    return Counter(storage.nbytes() for storage in storages.values())


class Saved:
    """A tensor that the graph saves, for as long as there is the graph: DoRA makes one that goes at once."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor


def kept(kind: str, fields: dict[str, Any], attention: str, batch: int, sequence: int, lora: Lora) -> Counter[int]:
    """The same as weighbridge has it."""
    plan = Plan.under(f"hf-{attention}", micro_batch=batch, sequence=sequence)
    training = train(tuned(kind, fields, Tuning(lora)), plan)
    found: Counter[int] = Counter()
    for run in training.stages[0].runs[0]:
        for tensor, times in run.weighed.replay.kept:
            found[int(plain(training.size(tensor)))] += int(plain(times)) * run.count
    for tensor in in_common(training.stages[0].runs[0]):
        found[int(plain(training.size(tensor)))] += 1
    return found


CHOICES = [ALL, ("q_proj", "v_proj"), ("q_proj", "k_proj", "v_proj", "o_proj"), ("up_proj", "down_proj")]


@pytest.mark.parametrize("number", range(DRAWS))
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_kept(kind: str, attention: str, number: int) -> None:
    draw = random.Random(f"lora {kind} {attention} {number}")
    fields = drawn(kind, draw)
    batch, sequence = draw.choice((2, 3)), draw.choice((7, 16, 24))
    lora = Lora(
        draw.choice((1, 4, 5)),
        draw.choice(CHOICES),
        dora=draw.random() < 0.25,
        dtype=draw.choice((None, FP32)),
    )
    mine, real_ones = (f(kind, fields, attention, batch, sequence, lora) for f in (kept, real))
    unlike = {size: (mine[size], real_ones[size]) for size in mine | real_ones if mine[size] != real_ones[size]}
    assert not unlike, f"bytes: (weighbridge, PEFT) {unlike} for {fields}, {batch} x {sequence}, {lora}"
