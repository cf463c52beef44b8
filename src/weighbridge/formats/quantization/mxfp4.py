"""mxfp4 as gpt-oss has it: routed experts in blocks of 32, a power of two as the scale of each.

Source: transformers, integrations/mxfp4.py (Mxfp4GptOssExperts: ``*_blocks`` of two elements to a byte and ``*_scales``
of one byte per 32; biases as they are; replace_with_mxfp4_linear: experts only).
"""

from __future__ import annotations

from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.fp8 import routed
from weighbridge.formats.quantization.listed import TRANSFORMERS, Names
from weighbridge.formats.quantization.parts import FP4_VALUES, block_name, but, scales
from weighbridge.models.storage import Packing, Rule, Storage

BLOCK = 32
"""Elements that share a scale."""


def mxfp4(section: Section) -> Storage:
    """The section ``quant_method: mxfp4``."""
    names = Names(
        f"{section.where}.modules_to_not_convert", section.names("modules_to_not_convert") or [], TRANSFORMERS
    )
    packing = Packing(f"mxfp4, {block_name(1, BLOCK)}", (FP4_VALUES, scales("scales", 8, 1, BLOCK)))
    rules = (Rule(but(names, routed), packing),)
    title = f"experts in mxfp4 in {block_name(1, BLOCK)}, scales e8m0"
    return Storage("mxfp4", title, rules, names.by_layer, names.by_expert, (names.listed(),))
