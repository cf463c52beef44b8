"""Fine-tuning of models: what is trained, how layers are told apart, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weighbridge.errors import InputError
from weighbridge.formats.loading import load
from weighbridge.formats.quantization import named_storage
from weighbridge.models import Model
from weighbridge.models.storage import Site
from weighbridge.models.targets import Targets
from weighbridge.models.tuning import Lora, Tuning, trained
from weighbridge.units import DATA_TYPES, FP32


def tuned(name: str, lora: Lora | None = None, **fields: object) -> Model:
    return replace(load(name), tuning=Tuning(lora, **fields))  # type: ignore[arg-type]


def count(model: Model) -> int:
    return int(sum(trained(model.tree)))


def test_published_counts() -> None:
    """LoRA with rank 8 on queries and values of Llama 2 7B has 4,194,304 (litgpt, tutorials/finetune_lora.md)."""
    assert count(tuned("llama-2-7b", Lora(8, ("q_proj", "v_proj")))) == 4_194_304
    assert count(tuned("llama-2-13b", Lora(8, ("q_proj", "v_proj")))) == 6_553_600
    assert count(tuned("llama-3.1-8b", Lora(16))) == 41_943_040


def test_dora_trains_a_length_per_output() -> None:
    lora = Lora(8, ("q_proj",))
    both = count(tuned("llama-3.1-8b", lora)), count(tuned("llama-3.1-8b", replace(lora, dora=True)))
    assert both[1] - both[0] == 32 * 4096


def test_layers_that_are_tuned_alike_stay_folded_but_the_first() -> None:
    runs = tuned("llama-3.1-8b", Lora(8)).network.layers
    assert [(run.places, run.count) for run in runs] == [((0,), 1), (tuple(range(1, 32)), 31)]
    some = tuned("llama-3.1-8b", Lora(8, (r".*layers\.(3|4)\.self_attn\.q_proj",))).network.layers
    assert [run.places for run in some] == [(0, 1, 2), (3,), (4,), tuple(range(5, 32))]


def test_a_trained_embedding_leaves_layers_as_they_are() -> None:
    lora = Lora(8, ("q_proj",), saved=("embed_tokens",))
    assert len(tuned("llama-3.1-8b", lora).network.layers) == 1
    assert count(tuned("llama-3.1-8b", lora)) == count(tuned("llama-3.1-8b", Lora(8, ("q_proj",)))) + 128_256 * 4096


def test_frozen_parts() -> None:
    whole = count(load("llama-3.1-8b"))
    table = 128_256 * 4096
    assert count(tuned("llama-3.1-8b", frozen=("embedding",))) == whole - table
    assert count(tuned("llama-3.1-8b", frozen=("embedding", "head"))) == whole - 2 * table
    assert count(tuned("llama-3.1-8b", frozen=("embed_tokens", "lm_head"))) == whole - 2 * table


def test_stored_weights_are_frozen_ones() -> None:
    storage = named_storage("nf4", DATA_TYPES["bf16"])[0]
    model = tuned("llama-3.1-8b", Lora(8), storage=storage)
    weights = [w for node in model.tree.walk() for w in node.weights.values()]
    assert any(w.packed for w in weights)
    assert not any(w.packed and w.trained for w in weights)
    prepared = tuned("llama-3.1-8b", Lora(8, prepared=True), storage=storage)
    kept = [w for node in prepared.tree.walk() for w in node.weights.values() if w.frozen and not w.packed]
    assert kept
    assert all(w.dtype is FP32 for w in kept)


@pytest.mark.parametrize(
    ("lora", "words"),
    [
        (Lora(8, ("q_pro",)), 'targets: "q_pro" meets no module; did you mean q_proj'),
        (Lora(8, ("xyzzy",)), "meets no module"),
        (Lora(8, ("(q",)), "is no regular expression"),
        (Lora(8, (r".*\.nothing",)), "meets no module; modules are"),
        (Lora(8, ("q_proj",), saved=("lm_hea",)), 'modules_to_save: "lm_hea" meets no module; did you mean lm_head'),
    ],
)
def test_names_that_are_none(lora: Lora, words: str) -> None:
    with pytest.raises(InputError, match="lora") as caught:
        _ = tuned("llama-3.1-8b", lora).network
    assert words in str(caught.value)


def test_what_is_refused() -> None:
    for make in (
        lambda: Lora(0),
        lambda: Lora(8, bias="some"),
        lambda: Lora(8, dropout=1.0),
        lambda: Tuning(storage=named_storage("nf4", DATA_TYPES["bf16"])[0]),
        lambda: tuned("mixtral-8x7b", Lora(8, dora=True)).network,
        lambda: tuned("llama-3.1-8b", frozen=("router",)).network,
    ):
        with pytest.raises(InputError):
            make()


def test_targets_meet_ends_of_names() -> None:
    site = Site(("layers.1.self_attn.q_proj",), "linear")
    for entry in ("q_proj", "self_attn.q_proj", "layers.1.self_attn.q_proj", "all-linear", r"model\.layers\.1\..*"):
        assert Targets("targets", [entry], [site]).takes(site), entry
    for entry in ("proj", "v_proj", "layers.2.self_attn.q_proj", r"layers"):
        assert not Targets("targets", [entry], [site]).takes(site), entry
    assert Targets("freeze", ["self_attn"], [site]).takes(site, inside=True)
