"""Mixtures of experts: which weights exist, which a token meets, and whose data type they take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.test_attention import count, forward
from weighbridge.nn import MixtureOfExperts
from weighbridge.tape import Pass
from weighbridge.tree import Kind, met

MOE: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 10, "num_experts": 6, "top_k": 2}
EXPERT = 3 * 16 * 10


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 6 * EXPERT + 6 * 16),
        ({"gated": False}, 6 * 2 * 16 * 10 + 6 * 16),
        ({"bias": True, "router_bias": True}, 6 * (EXPERT + 36) + 6 * 16 + 6),
        ({"shared_intermediate_size": 12}, 6 * EXPERT + 6 * 16 + 3 * 16 * 12),
        ({"shared_intermediate_size": 12, "shared_gate": True}, 6 * EXPERT + 6 * 16 + 3 * 16 * 12 + 16),
        ({"shared_intermediate_size": 12, "shared_bias": True}, 6 * EXPERT + 6 * 16 + 3 * 16 * 12 + 40),
        ({"latent_size": 4}, 6 * 3 * 4 * 10 + 6 * 16 + 2 * 16 * 4),
    ],
)
def test_weights(options: dict[str, Any], expected: int) -> None:
    assert count(MixtureOfExperts(**MOE, **options)) == expected


def test_a_token_meets_its_top_k_experts() -> None:
    node = MixtureOfExperts(**MOE).node()
    assert node.sum(lambda n: sum(w.count for w in n.weights.values()), met) == 2 * EXPERT + 6 * 16


def test_experts_work_on_the_tokens_that_they_are_given() -> None:
    module = MixtureOfExperts(**MOE)
    assert forward(module, Pass(batch=3, sequence=5)) == 15 * 2 * (2 * EXPERT + 6 * 16)
    assert forward(module, Pass(batch=3, sequence=5), "megatron") == 15 * 2 * 2 * EXPERT


def test_routers_keep_a_data_type_of_their_own_and_a_buffer_is_no_parameter() -> None:
    node = MixtureOfExperts(**MOE, correction_bias=True).node()
    router = next(n for n in node.walk() if n.kind is Kind.ROUTER)
    assert {name: (w.role, w.buffer) for name, w in router.weights.items()} == {
        "weight": ("router", False),
        "correction": ("router", True),
    }


def test_shared_experts_are_experts() -> None:
    node = MixtureOfExperts(**MOE, shared_intermediate_size=12).node()
    shared = next(n for n in node.walk() if n.name == "shared_expert")
    assert shared.kind is Kind.EXPERTS
