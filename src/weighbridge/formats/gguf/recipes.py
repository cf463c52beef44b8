"""Which type each tensor of a quantised GGUF file has: llama.cpp's mixed recipes, such as Q4_K_M, as tables.

Source: llama.cpp at 007dbbf (2026), src/llama-quant.cpp (llama_tensor_get_type, tensor_allows_quantization,
tensor_type_fallback, llama_ftype_get_default_type). Tensors stand in the order of their layers, then of their names, as
its loader sorts them (src/llama-model-loader.h, weight_name_comparer), because the recipes count them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Q8, Q6, Q5, Q4, Q3, Q2 = "q8_0", "q6_k", "q5_k", "q4_k", "q3_k", "q2_k"


@dataclass(frozen=True, slots=True)
class Spot:
    """What a recipe asks of a tensor.

    Attributes:
        number: its layer, or how many of its like stand before it.
        layers: of the model, or how many of its like there are.
        group: query heads that share a key-value head.
        experts: routed experts; 0 for none.
        imatrix: the file was made with an importance matrix.
    """

    number: int
    layers: int
    group: int
    experts: int
    imatrix: bool


When = Callable[[Spot], bool]


def always(spot: Spot) -> bool:
    """In every layer."""
    return True


def shared(spot: Spot) -> bool:
    """Four query heads or more share a key-value head, so that keys and values are small."""
    return spot.group >= 4


def eighth(spot: Spot) -> bool:
    """In the first eighth of the layers."""
    return spot.number < spot.layers // 8


def sixteenth(spot: Spot) -> bool:
    """In the first sixteenth of the layers."""
    return spot.number < spot.layers // 16


def middle(spot: Spot) -> bool:
    """In neither the first nor the last eighth of the layers."""
    return spot.layers // 8 <= spot.number < 7 * spot.layers // 8


def often(spot: Spot) -> bool:
    """In the first and the last eighth of the layers, and in every third between."""
    first = spot.layers // 8
    return spot.number < first or spot.number >= 7 * spot.layers // 8 or (spot.number - first) % 3 == 2


def first(count: int) -> When:
    """In the first so many layers."""
    return lambda spot: spot.number < count


def eight(spot: Spot) -> bool:
    """Eight routed experts, as Mixtral has."""
    return spot.experts == 8


def few_values(spot: Spot) -> bool:
    """Values are few: shared, or beside four experts or more."""
    return shared(spot) or spot.experts >= 4


def both(*conditions: When) -> When:
    """All of some conditions."""
    return lambda spot: all(condition(spot) for condition in conditions)


def unguided(spot: Spot) -> bool:
    """The file was made without an importance matrix."""
    return not spot.imatrix


def guided(spot: Spot) -> bool:
    """The file was made with an importance matrix."""
    return spot.imatrix


@dataclass(frozen=True, slots=True)
class Mix:
    """Tensors that have another type than most.

    Attributes:
        part: which: "v" (values, and q, k and v or keys and values in one), "k", "q", "out", "up", "gate", "down".
        kind: their type.
        when: where.
    """

    part: str
    kind: str
    when: When = always


@dataclass(frozen=True, slots=True)
class Recipe:
    """A file type.

    Attributes:
        number: how files name it (``general.file_type``).
        base: the type of what nothing else is said of.
        mixes: exceptions; the first that fits counts.
        head: type of the head, and of the embedding where that is the head too.
        embedding: type of an embedding that is not the head too; that of ``base`` if empty.
        matrix: it cannot be made without an importance matrix.
        eights: of Mixtral's kind, keys and values have 8 bits, as all but the smallest recipes want.
        experts: type of routed experts, where they have one of their own.
        raw: feed-forward networks are counted one by one, not by layer, even where a layer has several.
    """

    number: int
    base: str
    mixes: tuple[Mix, ...] = ()
    head: str = Q6
    embedding: str = ""
    matrix: bool = False
    eights: bool = True
    experts: str = ""
    raw: bool = False


MIXTRAL_OUT = Mix("out", Q5, eight)
"""With eight experts, attention's output is small beside them."""


def tiny(number: int, base: str, raised: str, embedding: str, out: str) -> Recipe:
    """A recipe of two bits or less: ``raised`` is what first layers and values have where those are not few, ``out``
    what attention's output has."""
    outs = (Mix("out", out),) if out else ()
    down = Mix("down", raised, eighth)
    values = (Mix("v", Q4, few_values), Mix("v", raised), Mix("k", Q4, eight))
    mixes = (*values, down, MIXTRAL_OUT, *outs)
    return Recipe(number, base, mixes, Q5, embedding, matrix=True, eights=False, raw=True)


RECIPES: dict[str, Recipe] = {
    "F32": Recipe(0, "fp32"),
    "F16": Recipe(1, "fp16"),
    "BF16": Recipe(32, "bf16"),
    "Q4_0": Recipe(2, "q4_0", (Mix("down", "q4_1", both(guided, eighth)),)),
    "Q4_1": Recipe(3, "q4_1"),
    "Q5_0": Recipe(8, "q5_0", (Mix("down", "q5_1", both(guided, eighth)),)),
    "Q5_1": Recipe(9, "q5_1"),
    "Q8_0": Recipe(7, Q8, head=Q8),
    "Q1_0": Recipe(40, "q1_0"),
    "Q2_0": Recipe(41, "q2_0", embedding=Q4),
    "Q2_K": Recipe(10, Q2, (Mix("v", Q4, shared), Mix("v", Q3), Mix("down", Q3), MIXTRAL_OUT, Mix("out", Q3))),
    "Q2_K_S": Recipe(21, Q2, (Mix("v", Q4, shared), Mix("down", Q4, eighth)), matrix=True),
    "Q3_K_S": Recipe(11, Q3, (MIXTRAL_OUT,)),
    "Q3_K_M": Recipe(
        12,
        Q3,
        (
            Mix("v", Q5, first(2)),
            Mix("v", Q4),
            Mix("down", Q5, sixteenth),
            Mix("down", Q4),
            MIXTRAL_OUT,
            Mix("out", Q4),
        ),
    ),
    "Q3_K_L": Recipe(13, Q3, (Mix("v", Q5), Mix("down", Q5), Mix("out", Q5, lambda spot: not eight(spot)))),
    "Q4_K_S": Recipe(14, Q4, (Mix("v", Q5, first(4)), Mix("down", Q5, eighth), MIXTRAL_OUT)),
    "Q4_K_M": Recipe(15, Q4, (Mix("v", Q6, often), Mix("down", Q6, often), MIXTRAL_OUT)),
    "Q5_K_S": Recipe(16, Q5),
    "Q5_K_M": Recipe(17, Q5, (Mix("v", Q6, often), Mix("down", Q6, often))),
    "Q6_K": Recipe(18, Q6),
    "IQ1_S": tiny(24, "iq1_s", Q2, Q2, "iq2_xxs"),
    "IQ1_M": tiny(31, "iq1_m", Q2, Q2, "iq2_xxs"),
    "IQ2_XXS": tiny(19, "iq2_xxs", Q2, Q2, ""),
    "IQ2_XS": tiny(20, "iq2_xs", Q2, Q2, ""),
    "IQ2_S": tiny(28, "iq2_xs", "iq3_s", "iq3_s", "iq3_s"),
    "IQ2_M": tiny(29, "iq2_s", "iq3_s", "iq3_s", "iq3_s"),
    "IQ3_XXS": Recipe(
        23,
        "iq3_xxs",
        (
            Mix("v", Q4, shared),
            Mix("v", "iq3_s", unguided),
            Mix("k", "iq2_s"),
            Mix("q", "iq2_s"),
            Mix("down", Q4, both(unguided, eighth)),
            Mix("down", Q3, unguided),
            MIXTRAL_OUT,
            Mix("out", "iq3_s"),
        ),
        Q5,
        "iq3_s",
        matrix=True,
    ),
    "IQ3_XS": Recipe(
        22,
        "iq3_s",
        (
            Mix("v", Q4, shared),
            Mix("k", "iq3_xxs"),
            Mix("q", "iq3_xxs"),
            Mix("gate", "iq3_xxs", middle),
            Mix("up", "iq3_xxs", middle),
            MIXTRAL_OUT,
        ),
        matrix=True,
    ),
    "IQ3_S": Recipe(26, "iq3_s", (Mix("v", Q4, shared), MIXTRAL_OUT)),
    "IQ3_M": Recipe(
        27,
        "iq3_s",
        (
            Mix("v", Q4),
            Mix("down", Q4, eighth),
            Mix("down", Q4, both(eight, often)),
            MIXTRAL_OUT,
            Mix("out", Q4),
        ),
    ),
    "IQ4_NL": Recipe(25, "iq4_nl", (Mix("v", Q5, shared), Mix("down", Q5, both(unguided, eighth)), MIXTRAL_OUT)),
    "IQ4_XS": Recipe(30, "iq4_xs", (Mix("v", Q5, shared), Mix("down", Q5, both(unguided, eighth)), MIXTRAL_OUT)),
    "TQ1_0": Recipe(36, "tq1_0", embedding=Q4),
    "TQ2_0": Recipe(37, "tq2_0", embedding=Q4),
    "MXFP4_MOE": Recipe(38, Q8, head=Q8, eights=False, experts="mxfp4"),
    "NVFP4": Recipe(39, "nvfp4"),
}
"""Every recipe under the name that files carry."""

FALLBACK = {
    "iq4_nl": ("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"),
    "q4_0": ("q2_0", Q2, Q3, "tq1_0", "tq2_0"),
    "q5_0": (Q4,),
    "q5_1": (Q5,),
    Q8: (Q6,),
}
"""What stands in for a type whose blocks do not divide a row."""
