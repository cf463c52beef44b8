"""NVIDIA ModelOpt: ``hf_quant_config.json`` beside a configuration, or the same inside it.

Sources: TensorRT Model Optimizer, modelopt/torch/export/quant_utils.py (process_layer_quant_config,
get_weight_scaling_factor, to_quantized_weight, postprocess_state_dict) and convert_hf_config.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weighbridge.errors import InputError, given, shown
from weighbridge.formats.quantization.fields import Section
from weighbridge.formats.quantization.listed import GLOB, Names
from weighbridge.formats.quantization.parts import FP4_VALUES, FP8_VALUES, block_name, scalar, scales
from weighbridge.models.storage import Packing, Rule, Site, Storage, Takes

FILE = "hf_quant_config.json"

INPUT = scalar("input_scale")

MIXED = "MIXED_PRECISION"

SIZES = {"NVFP4": 16, "MXFP8": 32, "MXFP4": 32, "W4A8_MXFP4_FP8": 32, "FP8_PB_WO": 128, "FP8_PB_REAL": 128}
"""Elements of a block of each kind where ``group_size`` does not say."""

ALGORITHMS = ("FP8", "FP8_PER_CHANNEL_PER_TOKEN", *SIZES, MIXED)


def packing(algorithm: str, size: int) -> Packing:
    """The tensors of a weight; scales of activations are fp32, one per tensor, where they are fixed."""
    if algorithm == "FP8":
        return Packing("fp8, one scale per tensor", (FP8_VALUES, scalar("weight_scale"), INPUT))
    if algorithm == "FP8_PER_CHANNEL_PER_TOKEN":
        return Packing("fp8, one scale per channel", (FP8_VALUES, scales("weight_scale", 32, 1, 0)))
    if algorithm in ("FP8_PB_WO", "FP8_PB_REAL"):
        return Packing(f"fp8, {block_name(size, size)}", (FP8_VALUES, scales("weight_scale", 32, size, size)))
    across = scales("weight_scale", 8, 1, size)
    if algorithm == "NVFP4":
        return Packing(f"nvfp4, {block_name(1, size)}", (FP4_VALUES, across, scalar("weight_scale_2"), INPUT))
    if algorithm == "MXFP8":
        return Packing(f"mxfp8, {block_name(1, size)}", (FP8_VALUES, across))
    return Packing(f"mxfp4, {block_name(1, size)}", (FP4_VALUES, across))


def normal(section: Section) -> dict[str, Any]:
    """The fields under the names of ``hf_quant_config.json``: newer configurations say ``ignore`` and
    ``kv_cache_scheme``."""
    skipped = "exclude_modules" if "exclude_modules" in section else "ignore"
    cache = section.get("kv_cache_quant_algo")
    scheme = section.get("kv_cache_scheme")
    if isinstance(scheme, Mapping):
        cache = "FP8" if scheme.get("num_bits") == 8 else "NVFP4"
    algorithm = section.word("quant_algo", ALGORITHMS)
    size = section.whole("group_size", SIZES.get(algorithm, 1))
    return {
        "quant_algo": algorithm,
        "group_size": size,
        "kv_cache_quant_algo": cache or scheme or None,
        "exclude_modules": sorted(section.names(skipped) or []),
        "quantized_layers": section.get("quantized_layers") or {},
    }


def modelopt(section: Section) -> Storage:
    """The section, in either place."""
    found = normal(section)
    skipped = "exclude_modules" if "exclude_modules" in section else "ignore"
    excluded = Names(f"{section.where}.{skipped}", found["exclude_modules"], GLOB)
    lists = [excluded]
    if found["quant_algo"] == MIXED:
        rules, titles, more = of_layers(section, excluded)
        lists += more
    else:
        one = packing(found["quant_algo"], found["group_size"])
        rules, titles = (Rule(projections(None, excluded), one),), [one.name]
    beside = {}
    if found["kv_cache_quant_algo"] is not None:
        beside = {"k_proj": scalar("k_scale"), "v_proj": scalar("v_scale")}
    layered, experts = any(n.by_layer for n in lists), any(n.by_expert for n in lists)
    listed = tuple(names.listed() for names in lists)
    return Storage("modelopt", "; ".join(titles), rules, layered, experts, listed, beside)


def of_layers(section: Section, excluded: Names) -> tuple[tuple[Rule, ...], list[str], list[Names]]:
    """Rules of a table with one entry per module, those of one kind together."""
    table = section.table("quantized_layers")
    kinds: dict[tuple[str, int], list[str]] = {}
    for name, values in table.raw.items():
        if not isinstance(values, Mapping):
            raise InputError(f"{table.where}.{shown(name)}: got {given(values)}; allowed: a table")
        own = Section(values, f"{table.where}.{shown(name)}")
        algorithm = own.word("quant_algo", ALGORITHMS[:-1])
        kinds.setdefault((algorithm, own.whole("group_size", SIZES.get(algorithm, 1))), []).append(name)
    packings = [packing(*kind) for kind in kinds]
    lists = [Names(table.where, names, GLOB) for names in kinds.values()]
    rules = tuple(Rule(projections(n, excluded), p) for n, p in zip(lists, packings, strict=True))
    return rules, [one.name for one in packings], lists


def projections(named: Names | None, excluded: Names) -> Takes:
    """Projections and the head, those of a list only where there is one, without what is excluded."""

    def takes(site: Site) -> bool:
        if site.sort not in ("linear", "head") or (named is not None and not named.takes(site)):
            return False
        return not excluded.takes(site)

    return takes


def check_same(section: Section, beside: Section) -> None:
    """Refuse a configuration and a file beside it that say different things.

    Raises:
        InputError: naming the fields.
    """
    ours, theirs = normal(section), normal(beside)
    fields = [name for name in ours if ours[name] != theirs[name]]
    if "quant_algo" in fields and "group_size" in fields:  # each algorithm has a size of its own
        fields.remove("group_size")
    if fields:
        said = "; ".join(f"{name}: {told(ours[name])} and {told(theirs[name])}" for name in fields)
        raise InputError(f"{section.where} and {FILE} disagree: {said}; allowed: the same in both, or one of them")


def told(value: object) -> str:
    """A field's value in an error; short lists in full."""
    if isinstance(value, list) and len(value) <= 3:
        return f"[{', '.join(given(entry) for entry in value)}]"
    return given(value)
