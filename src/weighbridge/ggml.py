"""The tensor types of ggml, which GGUF files hold: blocks of elements, and the bytes of a block.

Source: llama.cpp at 01243c5 (2026), ggml/src/ggml-common.h (a ``static_assert`` on the size of each block) and
ggml/include/ggml.h (enum ggml_type: the numbers; those that are missing here were never in files, or no longer are).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockType:
    """A tensor type.

    Attributes:
        number: how files name it.
        name: how it is written here; llama.cpp writes ``Q4_K`` as ``q4_K``.
        bits: of an element's code; what codes have beyond whole bits (signs, high bits, ternary digits) is in the rest.
        block: elements of a block, which never spans two rows.
        bytes: of a block: codes, scales, minima and sums.
    """

    number: int
    name: str
    bits: int
    block: int
    bytes: int

    @property
    def rest(self) -> int:
        """Bytes of a block beside its elements' codes."""
        return self.bytes - self.bits * self.block // 8

    @property
    def quantised(self) -> bool:
        """Whether it is one of ggml's own, in blocks."""
        return self.block > 1


TYPES: dict[str, BlockType] = {
    name: BlockType(number, name, bits, block, size)
    for number, name, bits, block, size in (
        (0, "fp32", 32, 1, 4),
        (1, "fp16", 16, 1, 2),
        (2, "q4_0", 4, 32, 18),
        (3, "q4_1", 4, 32, 20),
        (6, "q5_0", 5, 32, 22),
        (7, "q5_1", 5, 32, 24),
        (8, "q8_0", 8, 32, 34),
        (9, "q8_1", 8, 32, 36),
        (10, "q2_k", 2, 256, 84),
        (11, "q3_k", 3, 256, 110),
        (12, "q4_k", 4, 256, 144),
        (13, "q5_k", 5, 256, 176),
        (14, "q6_k", 6, 256, 210),
        (15, "q8_k", 8, 256, 292),
        (16, "iq2_xxs", 2, 256, 66),
        (17, "iq2_xs", 2, 256, 74),
        (18, "iq3_xxs", 3, 256, 98),
        (19, "iq1_s", 1, 256, 50),
        (20, "iq4_nl", 4, 32, 18),
        (21, "iq3_s", 3, 256, 110),
        (22, "iq2_s", 2, 256, 82),
        (23, "iq4_xs", 4, 256, 136),
        (24, "int8", 8, 1, 1),
        (25, "int16", 16, 1, 2),
        (26, "int32", 32, 1, 4),
        (27, "int64", 64, 1, 8),
        (28, "fp64", 64, 1, 8),
        (29, "iq1_m", 1, 256, 56),
        (30, "bf16", 16, 1, 2),
        (34, "tq1_0", 1, 256, 54),
        (35, "tq2_0", 2, 256, 66),
        (39, "mxfp4", 4, 32, 17),
        (40, "nvfp4", 4, 64, 36),
        (41, "q1_0", 1, 128, 18),
        (42, "q2_0", 2, 64, 18),
    )
}
"""Every type by its name; types that others have too go by the name that this package gives them."""

NUMBERS = {kind.number: kind for kind in TYPES.values()}
"""The same by the number that files hold."""

ALIGNMENT = 32
"""Bytes: every tensor of a GGUF file begins at a multiple of it, where the file does not say otherwise (ggml's gguf.h,
GGUF_DEFAULT_ALIGNMENT)."""
