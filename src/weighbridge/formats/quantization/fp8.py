"""fp8 (DeepSeek-V3 and what follows it), mxfp8 and fbgemm_fp8: 8-bit floating point with scales.

Sources: transformers, integrations/finegrained_fp8.py (FP8Linear, FP8Experts, FP8Embedding), integrations/fbgemm_fp8.py
(FbgemmFp8Linear) and quantizers/quantizer_finegrained_fp8.py; DeepSeek-V3, README_WEIGHTS.md; vLLM,
model_executor/layers/quantization/fp8.py, for sections without ``weight_block_size``.
"""

from __future__ import annotations

from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.listed import TRANSFORMERS, Names
from weighbridge.formats.quantization.parts import (
    FP4_VALUES,
    FP8_VALUES,
    block_name,
    but,
    scalar,
    scales,
    skipping,
)
from weighbridge.models.storage import Packing, Rule, Site, Storage

E8M0, FP32 = 8, 32
"""Bits of a scale: a power of two alone, or fp32."""

FP4_BLOCK = 32
"""Elements that share a scale where ``expert_dtype`` is fp4."""

PER_TENSOR = "weight_block_size is not given: one scale per tensor, as vLLM reads it (transformers takes 128 x 128)"
POWERS = (
    "scale_fmt ue8m0: scales are counted as fp32, as the files of DeepSeek-V3.1 hold them; transformers keeps them as "
    "e8m0, of 1 byte"
)


def fp8(section: Section) -> Storage:
    """The section ``quant_method: fp8`` or ``mxfp8``."""
    mx = section.get("quant_method") == "mxfp8"
    block = section.block("weight_block_size") or ((1, 32) if mx else None)
    powers = section.word("scale_fmt", ("float", "ue8m0"), "ue8m0" if mx else "float") == "ue8m0"
    static = section.word("activation_scheme", ("dynamic", "static"), "dynamic") == "static"
    section.word("fmt", ("e4m3", "e5m2", "float8_e4m3fn", "float8_e5m2"), "e4m3")
    bits = E8M0 if block and powers and narrow(section, block, mx) else FP32
    scale = scales("weight_scale_inv", bits, *block) if block else scalar("weight_scale")
    pieces = (FP8_VALUES, scale, *((scalar("activation_scale"),) if static else ()))
    where = block_name(*block) if block else "one scale per tensor"
    packing = Packing(f"fp8, {where}", pieces)
    skipped = "ignored_layers" if "modules_to_not_convert" not in section else "modules_to_not_convert"
    rules, names = skipping(section, skipped, packing)
    first, lists = tables(section, names)
    if section.word("expert_dtype", ("fp8", "fp4"), "fp8") == "fp4":
        first = (*first, Rule(but(names, routed), fp4_experts(bits, static)))
    notes = (*((PER_TENSOR,) if not block else ()), *((POWERS,) if powers and bits == FP32 else ()))
    title = f"fp8 in {where}" if block else "fp8 with one scale per tensor"
    lists = (names, *lists)
    return Storage(
        "mxfp8" if mx else "fp8",
        f"{title}, scales {'fp32' if bits == FP32 else 'e8m0'}",
        (*first, *rules),
        any(one.by_layer for one in lists),
        any(one.by_expert for one in lists),
        tuple(one.listed() for one in lists),
        notes=notes,
    )


def narrow(section: Section, block: tuple[int, int], mx: bool) -> bool:
    """Whether scales that are powers of two are stored as such: in mxfp8, and since DeepSeek-V4, which says what its
    experts are stored in. Files of V3.1 are as large as those of V3, whose scales are fp32."""
    return mx or block[0] == 1 or "expert_dtype" in section


def routed(site: Site) -> bool:
    """A projection of a routed expert."""
    return site.sort == "linear" and site.routed


def fp4_experts(bits: int, static: bool) -> Packing:
    """Experts in fp4, two to a byte, with a scale per row and 32 columns (DeepSeek-V4)."""
    more = (scalar("activation_scale"),) if static else ()
    pieces = (FP4_VALUES, scales("weight_scale_inv", bits, 1, FP4_BLOCK), *more)
    return Packing(f"fp4, {block_name(1, FP4_BLOCK)}", pieces)


def tables(section: Section, skipped: Names) -> tuple[tuple[Rule, ...], tuple[Names, ...]]:
    """Embeddings that ``modules_to_convert`` names: fp8 with one scale."""
    entries = section.names("modules_to_convert")
    if not entries:
        return (), ()
    named = Names(f"{section.where}.modules_to_convert", entries, TRANSFORMERS)
    packing = Packing("fp8, one scale per tensor", (FP8_VALUES, scalar("weight_scale")))
    return (Rule(but(skipped, lambda site: site.sort == "embedding" and named.takes(site)), packing),), (named,)


def fbgemm(section: Section) -> Storage:
    """The section ``quant_method: fbgemm_fp8``: one fp32 scale per row (output channel)."""
    packing = Packing("fp8, one scale per channel", (FP8_VALUES, scales("weight_scale", 32, 1, 0)))
    rules, names = skipping(section, "modules_to_not_convert", packing)
    title = "fp8 with one scale per channel, scales fp32"
    return Storage("fbgemm_fp8", title, rules, names.by_layer, names.by_expert, (names.listed(),))
