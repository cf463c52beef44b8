"""Sections that say how a checkpoint is quantised: ``quantization_config``, ``compression_config``, ModelOpt's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given, shown
from weighbridge.formats.quantization.fields import Section
from weighbridge.models.storage import Storage
from weighbridge.units import DATA_TYPES, DataType

SECTIONS = ("quantization_config", "compression_config")

OUTSIDE = ("expert_dtype",)
"""Fields of a section that some configurations have beside it (DeepSeek-V4)."""

UNSIZED = (
    "aqlm",
    "auto-round",
    "bitnet",
    "eetq",
    "exl2",
    "exl3",
    "fouroversix",
    "fp_quant",
    "gemma",
    "gguf",
    "higgs",
    "hqq",
    "metal",
    "nvfp4",
    "quanto",
    "quark",
    "sinq",
    "spqr",
    "torchao",
    "vptq",
)
"""Methods that libraries write (transformers 5.23, quantizers/auto.py; ExLlama), whose tensors are not sized here."""

READERS = {
    "awq": ("packed", "awq"),
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "compressed-tensors": ("compressed_tensors", "compressed_tensors"),
    "fbgemm_fp8": ("fp8", "fbgemm"),
    "fp8": ("fp8", "fp8"),
    "gptq": ("packed", "gptq"),
    "modelopt": ("modelopt", "modelopt"),
    "mxfp4": ("mxfp4", "mxfp4"),
    "mxfp8": ("fp8", "fp8"),
}
"""What reads the section of each method: a file here, and a function in it."""


def storage(
    raw: Mapping[str, Any], beside: Mapping[str, Any] | None = None, bits: int = 16
) -> tuple[Storage | None, tuple[str, ...]]:
    """How the checkpoint of a configuration is stored, and notes; ``None`` where it is not quantised, or in a way whose
    tensors are not known.

    Args:
        raw: the configuration.
        beside: ModelOpt's ``hf_quant_config.json``, where there is one.
        bits: of the checkpoint's data type.

    Raises:
        InputError: for a section that is wrong, or two that disagree.
    """
    section = inside(raw)
    other = None if beside is None else of_file(beside)
    if section is None and other is None:
        return None, ()
    if section is not None and other is not None:
        from weighbridge.formats.quantization.modelopt import check_same

        name = method(section)
        if name != "modelopt":
            raise InputError(
                f"{section.where} and {other.where} disagree: quant_method: {given(name)} and modelopt; "
                "allowed: the same in both, or one of them"
            )
        check_same(section, other)
    chosen = section or other
    assert chosen is not None
    name = "modelopt" if chosen is other else method(chosen)
    if name in UNSIZED:
        return None, (unsized(chosen, name),)
    chosen.bits = bits
    read = reader(name)(chosen)
    chosen.misspelt()
    return read, read.notes


def quantised(raw: Mapping[str, Any]) -> bool:
    """Whether a configuration has such a section."""
    return inside(raw) is not None


def inside(raw: Mapping[str, Any]) -> Section | None:
    """The section of a configuration, at its top or in its language model's table."""
    text = raw.get("text_config")
    for table in (raw, text if isinstance(text, Mapping) else {}):
        for name in SECTIONS:
            value = table.get(name)
            if value is None:
                continue
            if not isinstance(value, Mapping):
                raise InputError(f"{name}: got {given(value)}; allowed: a table")
            kept = {field: table[field] for field in OUTSIDE if field in table}
            return Section({**kept, **value}, name)
    return None


def of_file(beside: Mapping[str, Any]) -> Section:
    """The table of ModelOpt's file."""
    from weighbridge.formats.quantization.modelopt import FILE

    table = beside.get("quantization")
    if not isinstance(table, Mapping):
        raise InputError(f"{FILE}: quantization: got {given(table)}; allowed: a table")
    return Section(table, FILE)


def method(section: Section) -> str:
    """The method that a section names.

    Raises:
        InputError: for a word that nobody knows, or none.
    """
    name = section.get("quant_method")
    if name is None:
        if section.where == "compression_config" or ("config_groups" in section and "quant_algo" not in section):
            return "compressed-tensors"
        if section.get("load_in_4bit") or section.get("load_in_8bit"):
            return "bitsandbytes"
        if "quant_algo" in section:
            return "modelopt"
    known = (*READERS, *UNSIZED)
    spelled = name.lower() if isinstance(name, str) else ""
    spelled = {"compressed_tensors": "compressed-tensors", "modelopt_fp4": "modelopt"}.get(spelled, spelled)
    if spelled not in known:
        near = did_you_mean(name, known) if isinstance(name, str) else ""
        raise InputError(f"{section.where}.quant_method: got {given(name)}; allowed: {', '.join(known)}{near}")
    return spelled


def unsized(section: Section, name: str) -> str:
    """What is said of a method whose tensors are not known."""
    return (
        f"{section.where}: how {shown(name)} stores its weights is not known here, so bytes are those of unquantised "
        f"data types; known are {', '.join(READERS)}"
    )


def reader(name: str) -> Callable[[Section], Storage]:
    """What reads the section of a method."""
    file, function = READERS[name]
    found: Callable[[Section], Storage] = getattr(import_module(f"{__name__}.{file}"), function)
    return found


_FOUR_BITS = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": True}

NAMED: dict[str, Mapping[str, Any]] = {
    "fp8-block": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    "fp8-tensor": {"quant_method": "modelopt", "quant_algo": "FP8", "ignore": ["lm_head"]},
    "nvfp4": {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]},
    "mxfp4": {"quant_method": "mxfp4"},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128},
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": 128},
    "w4a16": {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": _FOUR_BITS}},
        "ignore": ["lm_head"],
    },
    "nf4": {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "nf4-double": {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
    },
    "int8": {"quant_method": "bitsandbytes", "load_in_8bit": True},
}
"""Formats by a name, as their libraries write them by default."""


def named_storage(name: str, dtype: DataType) -> tuple[Storage | None, DataType]:
    """How weights are stored under a name of :data:`NAMED`, or all in one data type; and the data type of the rest.

    Raises:
        InputError: for another name.
    """
    if name in NAMED:
        return storage({"quantization_config": NAMED[name]}, None, dtype.bits)[0], dtype
    if name in DATA_TYPES:
        return None, DATA_TYPES[name]
    allowed = [*DATA_TYPES, *NAMED]
    raise InputError(f"quantisation: got {given(name)}; allowed: {', '.join(allowed)}{did_you_mean(name, allowed)}")
