"""Data types of training: what weights, activations, gradients and main parameters are stored in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weighbridge.units import DATA_TYPES, FP32, DataType


class Recipe(StrEnum):
    """How matrix multiplies in fewer than 16 bits scale their inputs (Transformer Engine, common/recipe; by rows:
    torchao, float8/config.py, Float8LinearRecipeName)."""

    DELAYED = "delayed"
    TENSORWISE = "tensorwise"
    ROWWISE = "rowwise"
    BLOCKWISE = "blockwise"
    MXFP8 = "mxfp8"
    NVFP4 = "nvfp4"


INPUTS: dict[Recipe, DataType] = {
    Recipe.DELAYED: DATA_TYPES["fp8"],
    Recipe.TENSORWISE: DATA_TYPES["fp8"],
    Recipe.ROWWISE: DATA_TYPES["fp8"],
    Recipe.BLOCKWISE: DATA_TYPES["fp8_blocks"],
    Recipe.MXFP8: DATA_TYPES["mxfp8"],
    Recipe.NVFP4: DATA_TYPES["nvfp4"],
}
"""What inputs of matrix multiplies are stored in."""

SCALED_WHOLE = frozenset({Recipe.DELAYED, Recipe.TENSORWISE})
"""Recipes with one scale for a whole matrix, whose rows and columns are the same numbers."""


SCALES_BLOCKS = (10, 0)
"""The compute capability from which on tensor cores scale blocks of 32 elements (MX) by themselves (Transformer Engine,
pytorch/quantization.py, check_mxfp8_support)."""


@dataclass(frozen=True)
class Precision:
    """What each kind of tensor is stored in.

    Attributes:
        compute: activations, and the weights that matrix multiplies read.
        weights: weights between steps.
        gradients: the buffer in which gradients gather over micro-batches and ranks.
        main: the optimizer's own copy of the weights; ``None`` where it updates the weights themselves.
        main_gradients: gradients are copied to fp32 before the optimizer's step, and the copy stays
            (Megatron-Core, optimizer/optimizer.py, _copy_model_grads_to_main_grads, where the buffer has 16 bits).
        recipe: matrix multiplies in 8 or 4 bits; ``None`` for none.
        parameters_in_fp8: weights are stored and gathered in 8 bits.
    """

    compute: DataType = DATA_TYPES["bf16"]
    weights: DataType = DATA_TYPES["bf16"]
    gradients: DataType = FP32
    main: DataType | None = FP32
    main_gradients: bool = False
    recipe: Recipe | None = None
    parameters_in_fp8: bool = False

    @property
    def updated(self) -> DataType:
        """What the optimizer updates: its own copy of the weights, or the weights."""
        return self.main or self.weights

    @property
    def needs(self) -> str:
        """The type that a device must have a rate for."""
        if self.recipe is None:
            return self.compute.name
        return "fp4" if self.recipe is Recipe.NVFP4 else "fp8"


def mixed(name: str = "bf16") -> Precision:
    """16-bit weights and activations with fp32 main parameters; gradients gather in fp32 for bf16, in fp16 for fp16."""
    low = DATA_TYPES[name]
    half = name == "fp16"
    return Precision(low, low, low if half else FP32, FP32, main_gradients=half)


def sharded(name: str = "bf16") -> Precision:
    """16-bit weights and gradients with fp32 main parameters, as DeepSpeed keeps them
    (deepspeed/runtime/zero/stage_1_and_2.py, single_partition_of_fp32_groups).
    """
    low = DATA_TYPES[name]
    return Precision(low, low, low, FP32)


def single() -> Precision:
    """Everything in fp32; the optimizer updates the weights themselves."""
    return Precision(FP32, FP32, FP32, None)


def stored_in_fp32(name: str = "bf16") -> Precision:
    """fp32 weights, gradients and states; matrix multiplies in 16 bits (autocast; FSDP2's mixed precision policy)."""
    return Precision(DATA_TYPES[name], FP32, FP32, None)


def pure(name: str = "bf16") -> Precision:
    """Weights, gradients and the optimizer's states in one 16-bit type, no main copy."""
    low = DATA_TYPES[name]
    return Precision(low, low, low, None)
