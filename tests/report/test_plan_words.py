"""The plan in words: every choice that is not its framework's own, and nothing of those that are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from weighbridge.kernels import Attention, Exchange, Kernels, Loss, Pointwise, Routing
from weighbridge.parallel.execution import Execution
from weighbridge.parallel.framework import FRAMEWORKS
from weighbridge.parallel.layout import placed
from weighbridge.parallel.optimizer import optimizer
from weighbridge.parallel.plan import Offload, Plan
from weighbridge.parallel.precision import mixed
from weighbridge.parallel.zero import Engine, Zero
from weighbridge.report.plan_words import CHOICES, SWITCHES, plan_in_words
from weighbridge.units import DATA_TYPES

MEGATRON, TITAN = FRAMEWORKS["megatron"], FRAMEWORKS["torchtitan"]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_s_own_choices_are_not_said(name: str) -> None:
    words = plan_in_words(Plan.under(name)).partition(": ")[2].split(", ")
    assert words[:2] == ["tensor 1", "data 1"]
    said = ("attention", "cross-entropy", "dropout", "overlaps", "segments", "fullest", "replicas", "weights stay")
    assert not [word for word in words for part in said if part in word]


@pytest.mark.parametrize(
    ("name", "plan", "words"),
    [
        ("megatron", {"gpus": 4, "zero": Zero(1, instances=2)}, "2 replicas"),
        ("torchtitan", {"zero": Zero(3, Engine.FSDP2, reshard=False)}, "weights stay gathered"),
        ("torchtitan", {"zero": Zero(3, Engine.FSDP2, prefetch=2)}, "2 layers gathered ahead"),
        ("megatron", {"gpus": 2, "context": 2}, "context 2 (p2p)"),
        ("torchtitan", {"gpus": 2, "context": 2}, "context 2 (all-gather)"),
        ("megatron", {"gpus": 2, "context": 2, "kernels": replace(MEGATRON.kernels, exchanges_heads=True)}, "(a2a)"),
        ("megatron", {"imbalance": 1.5}, "fullest experts 1.5 of the mean"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, attention=Attention.FLASH)}, "flash attention"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, loss=Loss.IN_PLACE)}, "in place cross-entropy"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, pointwise=Pointwise.EAGER)}, "eager pointwise operations"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, hidden_dropout=True)}, "dropout on hidden states"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, loads_mask=False)}, "no masks in batches"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, padded_vocabulary=64)}, "vocabulary padded to 64"),
        ("megatron", {"kernels": replace(MEGATRON.kernels, routing=Routing(Exchange.FLEX))}, "flex dispatcher"),
        ("megatron", {"offload": Offload(0.5, activations=("core_attn",))}, "kept on the host: core_attn"),
        ("megatron", {"offload": Offload(0.5)}, "50 % of the optimizer on the host"),
        ("torchtitan", {"offload": Offload(weights=True)}, "weights on the host between uses"),
        ("megatron", {"execution": Execution(overlaps_gradients=True)}, "overlaps gradients"),
        ("megatron", {"execution": Execution()}, "overlaps nothing"),
        ("megatron", {"execution": replace(MEGATRON.execution, graphs=("attn", "mlp"))}, "CUDA graphs of attn mlp"),
        ("megatron", {"overlaps_tensor": True}, "overlaps gradients parameters pipeline tensor"),
        ("megatron", {"accumulation_fusion": False}, "gradients not added by multiplies"),
        ("megatron", {"prediction": False}, "without multi-token prediction"),
        ("megatron", {"cublas_workspace": 2**25}, "cuBLAS workspaces of 32.0 MiB"),
        ("torchtitan", {"expandable_segments": False}, "segments do not grow"),
        ("megatron", {"gpus": 2, "pipeline": 2, "layout": placed([3, 4, 4, 1]), "virtual": 2}, "layers 3,4*2,1"),
        ("megatron", {"precision": replace(mixed(), main=DATA_TYPES["fp16"])}, "main parameters fp16"),
        ("megatron", {"optimizer": optimizer("m=bf16,v=fp32")}, "m=bf16,v=fp32"),
    ],
)
def test_every_other_choice_is_said(name: str, plan: dict[str, Any], words: str) -> None:
    assert words in plan_in_words(Plan.under(name, **plan))


def test_every_switch_of_kernels_has_words() -> None:
    for table in (Kernels(), Routing()):
        named = {name for name in type(table).__dataclass_fields__ if type(getattr(table, name)) is bool}
        assert named <= set(SWITCHES)
    choices = {"norm", "attention", "pointwise", "loss", "rope", "experts"}
    assert choices <= set(CHOICES)
