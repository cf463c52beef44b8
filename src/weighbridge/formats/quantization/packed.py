"""awq and gptq: whole numbers of few bits packed into int32, with fp16 scales and packed zero points per group.

Sources: AutoAWQ, awq/modules/linear/gemm.py and gemv.py (buffers of WQLinear_GEMM and WQLinear_GEMV); GPTQModel,
gptqmodel/nn_modules/qlinear/__init__.py (_register_gptq_buffers) and quantization/config.py (dynamic_get);
transformers, quantizers/quantizer_awq.py, utils/quantization_config.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from weighbridge.errors import InputError, given
from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.listed import COMPRESSED, MOST_PATTERNS, TRANSFORMERS, Names
from weighbridge.formats.quantization.parts import projection, scales, skipping
from weighbridge.models.storage import Packing, Part, Piece, Rule, Site, Storage, Takes

INT32 = 32
"""Bits of a word that elements are packed into."""

GPTQ_BITS = (2, 3, 4, 5, 6, 7, 8)


def grouped(bits: int, size: int) -> str:
    """Elements and groups in words."""
    return f"int{bits}, " + ("one scale per channel" if size == -1 else f"groups of {size:,}")


def awq(section: Section) -> Storage:
    """The section ``quant_method: awq``, under the names of transformers or of AutoAWQ."""
    bits = section.whole("w_bit" if "w_bit" in section else "bits", 4, (4,))
    size = section.whole("q_group_size" if "q_group_size" in section else "group_size", 128, all_of=True)
    version = section.word("format" if "version" not in section else "version", ("gemm", "gemv"), "gemm")
    section.flag("zero_point", True)  # the zero points' tensor is there in any case
    group = 0 if size == -1 else size
    values = Piece("qweight", Part.VALUES, bits, word=INT32, along="rows" if version == "gemm" else "columns")
    zeros = Piece("qzeros", Part.OTHER, bits, 1, group, word=INT32, along="rows")
    pieces = (values, zeros, scales("scales", 16, 1, group))
    if version == "gemv":
        pieces = (values, *padded(section, group))
    packing = Packing(f"awq {grouped(bits, size)}", pieces)
    rules, names = skipping(section, "modules_to_not_convert", packing, head=False)
    title = f"awq: {grouped(bits, size)}, scales fp16"
    return Storage("awq", title, rules, names.by_layer, names.by_expert, (names.listed(),))


def padded(section: Section, group: int) -> tuple[Piece, Piece]:
    """Zero points and scales of the gemv layout: per row, a number of words that a multiple of the kernel's step fills
    (calculate_zeros_width)."""
    if group not in (32, 64) and group < 128:
        raise section.wrong("q_group_size" if "q_group_size" in section else "group_size", "32, 64, or 128 and more")
    words = {32: 4, 64: 2}.get(group, 1)
    reach = 8 * words * group
    return (
        Piece("qzeros", Part.OTHER, INT32 * words, 1, reach),
        Piece("scales", Part.SCALES, 16 * 8 * words, 1, reach),
    )


def gptq(section: Section) -> Storage:
    """The section ``quant_method: gptq``, with GPTQModel's ``dynamic`` exceptions."""
    bits = section.whole("bits", None, GPTQ_BITS)
    size = section.whole("group_size", 128, all_of=True)
    section.word("checkpoint_format" if "checkpoint_format" in section else "format", ("gptq", "gptq_v2"), "gptq")
    for flag in ("desc_act", "sym"):  # indices and zero points are stored in any case
        section.flag(flag)
    base = Rule(within(section), gptq_packing(bits, size))
    rules, lists = exceptions(section, bits, size)
    title = f"gptq: {grouped(bits, size)}, scales fp16"
    layered = any(names.by_layer for names in lists)
    listed = tuple(names.listed() for names in lists)
    return Storage("gptq", title, (*rules, base), layered, any(n.by_expert for n in lists), listed)


def gptq_packing(bits: int, size: int) -> Packing:
    """Values packed along the input, zero points along the output, and the group of each input column."""
    group = 0 if size == -1 else size
    return Packing(
        f"gptq {grouped(bits, size)}",
        (
            Piece("qweight", Part.VALUES, bits, word=INT32),
            Piece("qzeros", Part.OTHER, bits, 1, group, word=INT32, along="rows"),
            scales("scales", 16, 1, group),
            Piece("g_idx", Part.OTHER, INT32, 0, 1),
        ),
    )


def within(section: Section) -> Takes:
    """Projections of the layers, or those that ``modules_in_block_to_quantize`` lists; the head if ``lm_head``."""
    head = section.flag("lm_head")
    value = section.get("modules_in_block_to_quantize")
    if value is not None and not (isinstance(value, list) and all(isinstance(group, list) for group in value)):
        raise section.wrong("modules_in_block_to_quantize", "a list of lists of names")
    flat = Section({"names": [n for group in value or () for n in group]}, f"{section.where}.modules_in_block")
    ends = Names(flat.where, flat.names("names") or [], TRANSFORMERS)

    def takes(site: Site) -> bool:
        if site.sort == "head":
            return head
        return projection(site) and (value is None or ends.takes(site))

    return takes


def exceptions(section: Section, bits: int, size: int) -> tuple[tuple[Rule, ...], tuple[Names, ...]]:
    """What ``dynamic`` says of names that a pattern meets: left as they are ("-:"), or of other bits and groups."""
    if section.get("dynamic") is None:
        return (), ()
    table = section.table("dynamic")
    if len(table.raw) > MOST_PATTERNS:
        raise section.wrong("dynamic", f"a table of at most {MOST_PATTERNS:,} patterns")
    rules, lists = [], []
    for key, values in table.raw.items():
        way, found = key[:2], re.sub(r"^[+-]:", "", key)
        names = Names(table.where, [f"re:{found}"], COMPRESSED)
        if not isinstance(values, Mapping):
            raise InputError(f"{table.where}.{key[:60]}: got {given(values)}; allowed: a table")
        own = Section(values, f"{table.where}.{key[:60]}")
        packing = gptq_packing(own.whole("bits", bits, GPTQ_BITS), own.whole("group_size", size, all_of=True))
        rules.append(Rule(named(names), None if way == "-:" else packing))
        lists.append(names)
    return tuple(rules), tuple(lists)


def named(names: Names) -> Takes:
    """Projections that a list names."""
    return lambda site: projection(site) and names.takes(site)
