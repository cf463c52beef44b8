"""compressed-tensors (llm-compressor): groups of modules, each with bits, a strategy of scales and a form of storage.

Sources: compressed-tensors, quantization/quant_args.py (QuantizationArgs), quantization/lifecycle/initialize.py
(initialize_qparams: shapes and types of scales), compressors/*/base.py (which tensors each form writes),
compressors/format.py (the form where none is given), utils/match.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from weighbridge.errors import InputError, given
from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.listed import COMPRESSED, Names
from weighbridge.formats.quantization.packed import INT32
from weighbridge.formats.quantization.parts import FP4_VALUES, FP8_VALUES, block_name, scalar, scales
from weighbridge.models.storage import Packing, Part, Piece, Rule, Site, Storage, Takes

PACKED, NVFP4, MXFP4, MXFP8 = "pack-quantized", "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized"
WHOLE = ("int-quantized", "float-quantized", "naive-quantized")
FORMS = (PACKED, *WHOLE, NVFP4, MXFP4, MXFP8)
STRATEGIES = ("tensor", "channel", "group", "block", "tensor_group")
MIXED = "mixed-precision"
"""The form of the whole where groups have forms of their own."""


def compressed_tensors(section: Section) -> Storage:
    """The section ``quant_method: compressed-tensors``."""
    ignore = Names(f"{section.where}.ignore", section.names("ignore") or [], COMPRESSED)
    whole = None if "format" not in section else section.word("format", (*FORMS, MIXED, "dense"))
    groups = section.table("config_groups")
    if not groups.raw:
        raise section.wrong("config_groups", "a table of at least one group")
    ranked: dict[int, list[Rule]] = {0: [], 1: [], 2: []}
    lists, titles = [ignore], []
    for name in groups.raw:
        group = groups.table(name)
        if "weights" not in group or whole == "dense":
            continue
        packing = Weights(group, section.bits, None if whole in (MIXED, "dense") else whole).packing()
        titles.append(packing.name)
        targets = group.names("targets") or []
        for order, own in ranked.items():
            names = Names(f"{group.where}.targets", [t for t in targets if rank(t) == order], COMPRESSED)
            own.append(Rule(within(names, ignore), packing))
            lists.append(names)
    listed = tuple(names.listed() for names in lists)
    title = "; ".join(dict.fromkeys(titles)) or "nothing quantised"
    layered, experts = any(n.by_layer for n in lists), any(n.by_expert for n in lists)
    rules = tuple(rule for order in ranked.values() for rule in order)
    return Storage("compressed-tensors", title, rules, layered, experts, listed, dict(of_cache(section)))


def rank(target: str) -> int:
    """Whole names come before regular expressions, and those before classes (lifecycle, match_targets)."""
    return 1 if target.startswith("re:") else 2 if target[0].isupper() else 0


def within(names: Names, ignore: Names) -> Takes:
    """Projections, heads and embeddings that a target names and ``ignore`` does not."""

    def takes(site: Site) -> bool:
        return site.sort in ("linear", "head", "embedding") and names.takes(site) and not ignore.takes(site)

    return takes


class Weights:
    """One group's weights.

    Attributes:
        group: the group.
        own: its table ``weights``.
        scale_bits: of a scale, but for forms that say otherwise.
        form: how it is stored.
    """

    def __init__(self, group: Section, scale_bits: int, form: str | None) -> None:
        self.group, self.own, self.scale_bits = group, group.table("weights"), scale_bits
        self.sort = self.own.word("type", ("int", "float"), "int")
        self.bits = self.own.whole("num_bits", 8, (4, 8) if self.sort == "float" else range(1, 9))
        size = self.own.get("group_size")
        self.size = None if size is None else self.own.whole("group_size", all_of=True)
        inferred = "tensor" if self.size is None else "channel" if self.size == -1 else "group"
        self.strategy = self.own.word("strategy", STRATEGIES, inferred)
        self.symmetric = self.own.flag("symmetric", True)
        self.form = group.word("format", FORMS) if "format" in group else form or self.inferred()

    def inferred(self) -> str:
        """The form that compressed-tensors takes where none is given, the first that fits."""
        if self.sort == "float" and self.bits == 4:
            return MXFP4 if self.size == 32 else NVFP4
        return (
            "float-quantized" if self.sort == "float" else PACKED if "input_activations" not in self.group else WHOLE[0]
        )

    def shape(self) -> tuple[int, int]:
        """Rows and columns of the weight that share a scale; 0 for all of them."""
        if self.strategy == "block":
            found = self.own.block("block_structure")
            if found is None:
                raise self.own.wrong("block_structure", "two whole numbers, rows and columns of a block")
            return found
        if self.strategy in ("group", "tensor_group"):
            return 1, self.own.whole("group_size")
        return (1, 0) if self.strategy == "channel" else (0, 0)

    def packing(self) -> Packing:
        """The tensors of a weight."""
        rows, columns = self.shape()
        where = {(1, 0): "one scale per channel", (0, 0): "one scale per tensor"}.get((rows, columns))
        stored = {NVFP4: "nvfp4", MXFP4: "mxfp4", MXFP8: "mxfp8"}
        name = stored.get(self.form, f"{'fp' if self.sort == 'float' else 'int'}{self.bits}")
        pieces = (*self.values(), *self.of_scales(rows, columns), *self.order(), *self.of_inputs())
        self.own.misspelt()
        return Packing(f"{name}, {where or block_name(rows, columns)}", pieces)

    def values(self) -> Iterator[Piece]:
        """The values, and their shape where they are packed."""
        if self.form == PACKED:
            yield Piece("weight_packed", Part.VALUES, self.bits, word=INT32)
            yield Piece("weight_shape", Part.OTHER, 64, 0, 0, times=2)
        else:
            yield FP4_VALUES if self.form in (NVFP4, MXFP4) else FP8_VALUES

    def of_scales(self, rows: int, columns: int) -> Iterator[Piece]:
        """Scales, and zero points where zero is not in the middle."""
        narrow = self.form in (NVFP4, MXFP4, MXFP8)
        yield scales("weight_scale", 8 if narrow else self.scale_bits, rows, columns)
        if self.strategy == "tensor_group":
            yield scalar("weight_global_scale")
        if not self.symmetric:
            zeros = Piece("weight_zero_point", Part.OTHER, 8, rows, columns)
            packed = self.form == PACKED and rows == 1
            yield replace(zeros, bits=self.bits, word=INT32, along="rows") if packed else zeros

    def order(self) -> Iterator[Piece]:
        """The group of each input column, where columns were put in an order of their own."""
        order = self.own.get("actorder")
        if order is not None and type(order) is not bool:
            order = self.own.word("actorder", ("group", "weight", "dynamic", "static")) in ("group", "dynamic")
        if order:
            yield Piece("weight_g_idx", Part.OTHER, INT32, 0, 1)

    def of_inputs(self) -> Iterator[Piece]:
        """Scales of activations that are no longer worked out as the model runs."""
        if "input_activations" not in self.group:
            return
        inputs = self.group.table("input_activations")
        dynamic = inputs.get("dynamic")
        if dynamic is True:
            return
        if self.form == NVFP4 or inputs.get("strategy") == "tensor_group":
            yield scalar("input_global_scale")
        else:
            yield scalar("input_scale", self.scale_bits)
            if not inputs.flag("symmetric", True):
                yield Piece("input_zero_point", Part.OTHER, 8, 0, 0)


def of_cache(section: Section) -> Iterator[tuple[str, Piece]]:
    """Scales of a quantised key-value cache, one of keys and one of values in each attention."""
    value = section.get("kv_cache_scheme")
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise InputError(f"{section.where}.kv_cache_scheme: got {given(value)}; allowed: a table")
    if value.get("dynamic"):
        return
    yield from (("k_proj", scalar("k_scale", section.bits)), ("v_proj", scalar("v_scale", section.bits)))
