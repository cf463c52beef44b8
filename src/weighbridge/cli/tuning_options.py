"""Options of ``train`` that say what of a model is trained, and on how many samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from weighbridge.cli.options import F, Part, Share, count_option, suggesting
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.estimate.epoch import Epoch, Laid
from weighbridge.formats.amounts import PRICE, amount
from weighbridge.formats.lengths import lengths_of
from weighbridge.formats.quantization import NAMED, storage
from weighbridge.models import Model
from weighbridge.models.tuning import Lora, Tuning
from weighbridge.tree import Kind
from weighbridge.units import DATA_TYPES, FP32, DataType

MLP, ATTENTION = "gate_proj,up_proj,down_proj", "q_proj,k_proj,v_proj,o_proj"

PARTS = (
    Part("r", ("16", "8", "64")),
    Part("targets", ("all-linear", "q_proj,v_proj", ATTENTION, MLP)),
    Part("alpha"),
    Part("dropout"),
    Part("dora", flag=True),
    Part("rslora", flag=True),
    Part("bias"),
    Part("modules_to_save"),
    Part("dtype"),
    Part("prepared", flag=True),
)
"""Fields of ``--lora``, as PEFT's LoraConfig has them."""

FIELDS = tuple(part.name for part in PARTS)
FLAGS = tuple(part.name for part in PARTS if part.flag)

USUAL = "r=16,targets=all-linear"
DORA = f"{USUAL},dora"
LORAS = (USUAL, DORA, "r=8,targets=q_proj,v_proj", "r=64,targets=all-linear")
"""Adapters that people most often train (Dettmers et al. 2023 adapt all linear layers; Hu et al. 2021 those two)."""

QLORA = "nf4-double"
"""How QLoRA keeps the weights under its adapters (Dettmers et al. 2023)."""

WAYS: dict[str, dict[str, str | bool | None]] = {
    "full": {"lora": None, "quant": None, "reference": None},
    "lora": {"lora": USUAL, "quant": None, "reference": None},
    "dora": {"lora": DORA, "quant": None, "reference": None},
    "qlora": {"lora": USUAL, "quant": QLORA, "reference": None},
    "dpo": {"lora": None, "quant": None, "reference": True},
}
"""Ways of fine-tuning: what each sets."""


def tuning_options(function: F) -> F:
    """Every option, in the order in which help lists them."""
    options = [
        suggesting(
            "--lora",
            LORAS,
            parts=PARTS,
            ways=WAYS,
            metavar=USUAL,
            help=f"Adapters: {', '.join(FIELDS)}; lists go on after commas.",
        ),
        suggesting("--quant", NAMED, metavar="FORMAT", help=f"Frozen weights under --lora: {', '.join(NAMED)}."),
        suggesting(
            "--freeze", Kind, metavar="NAMES", help="Kinds (embedding, head, attention ...) or names of modules."
        ),
        click.option("--reference", is_flag=True, help="A frozen reference model stands beside it (DPO)."),
        count_option("--samples", None, "Samples of the data set: steps and cost of an epoch."),
        click.option("--mean-length", type=Share(1, 1e9), metavar="TOKENS", help="Tokens of a sample on average."),
        click.option("--lengths", metavar="LENGTHS", help="Of all samples: 3000x512,500x1024, or a file of them."),
        click.option("--padded", "laid", flag_value=Laid.PADDED.value, help="Each sample has a sequence; the default."),
        click.option("--batched", "laid", flag_value=Laid.BATCHED.value, help="As long as its micro-batch's longest."),
        click.option("--packed", "laid", flag_value=Laid.PACKED.value, help="Samples share sequences, end to end."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True)
class Asked:
    """What is asked of fine-tuning; attributes are the options of :func:`tuning_options`."""

    lora: str | None
    quant: str | None
    freeze: str | None
    reference: bool
    samples: int | None
    mean_length: float | None
    lengths: str | None
    laid: str | None

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Asked:
        """The options of fine-tuning, taken out of all.

        Raises:
            InputError: for options that would have no effect.
        """
        asked = cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})
        if asked.quant is not None and asked.lora is None:
            raise InputError("--quant: quantised weights are not trained themselves; add --lora")
        if (asked.samples is None) != (asked.mean_length is None):
            missing = "--samples" if asked.samples is None else "--mean-length"
            raise InputError(f"{missing}: missing; --samples and --mean-length say together how long an epoch is")
        if asked.lengths is not None and asked.samples is not None:
            raise InputError("--samples: --lengths says how many there are and how long; leave it out")
        if asked.laid is not None and asked.samples is None and asked.lengths is None:
            raise InputError(f"--{asked.laid}: of samples; add --lengths, or --samples and --mean-length")
        return asked

    def tuned(self, model: Model, framework: str) -> Model:
        """The model with adapters and frozen weights.

        Raises:
            InputError: for what the options do not take.
        """
        if self.lora is None and self.freeze is None:
            return model
        names = tuple(name.strip() for name in (self.freeze or "").split(",") if name.strip())
        if self.freeze is not None and not names:
            raise InputError(f"--freeze: got {given(self.freeze)}; allowed: kinds or names of modules, with commas")
        lora = lora_of(self.lora, framework) if self.lora is not None else None
        stored = None
        if self.quant is not None:
            if self.quant not in NAMED:
                near = did_you_mean(self.quant, NAMED)
                raise InputError(f"--quant: got {given(self.quant)}; allowed: {', '.join(NAMED)}{near}")
            stored = storage({"quantization_config": NAMED[self.quant]}, None, 16)[0]
        if model.storage is not None and lora is not None and stored is None:
            stored = model.storage  # a quantised checkpoint stays as it is
        try:
            tuning = Tuning(lora, names, stored)
            made = replace(model, tuning=tuning)
            _ = made.network
        except InputError as error:
            raise InputError(f"--{error}") from None
        left = ", ".join(tuning.unmet(model.network))
        return replace(made, notes=(*made.notes, f"--lora: targets: {left}: no such module")) if left else made

    def epoch(self, sequence: int, price: str | None) -> Epoch | None:
        """The data set, where one is given, and dollars per GPU and hour."""
        laid = Laid(self.laid or Laid.PADDED.value)
        paid = None if price is None else amount(price, "--price", *PRICE)
        if self.lengths is not None:
            return Epoch.of_lengths(lengths_of(self.lengths), sequence, laid, paid)
        if self.samples is None or self.mean_length is None:
            return None
        return Epoch.of_mean(self.samples, self.mean_length, sequence, laid, paid)


def lora_of(text: str, framework: str) -> Lora:
    """Adapters as ``--lora`` has them: ``r=16,targets=q_proj,v_proj,dora``. PEFT makes them fp32 beside a model of 16
    bits; torchtune, litgpt and others in the model's own type.

    Raises:
        InputError: for fields that there are not, and values that cannot be.
    """
    fields = _fields(text)
    if "r" not in fields:
        raise InputError(f"--lora: got {given(text)}; it needs the rank, such as r=16")
    rank, dropout = fields["r"], _number(fields.get("dropout", "0"), "dropout")
    if not rank.isascii() or not rank.isdecimal() or not 1 <= int(rank[:9]) <= 1_000_000:
        raise InputError(f"--lora: r: got {given(rank)}; allowed: a whole number from 1")
    try:
        return Lora(
            int(rank),
            tuple(fields.get("targets", "all-linear").split(",")),
            _flag(fields, "dora"),
            dropout,
            fields.get("bias", "none"),
            tuple(name for name in fields.get("modules_to_save", "").split(",") if name),
            _dtype(fields, framework),
            _flag(fields, "prepared"),
        )
    except InputError as error:
        raise InputError(f"--{error}") from None


def _fields(text: str) -> dict[str, str]:
    """Fields by name; what has no name goes on with the list before it, a flag stands alone."""
    found: dict[str, str] = {}
    last = ""
    for part in text.split(","):
        name, equals, value = part.partition("=")
        name = name.strip()
        if equals and name in FIELDS:
            if name in found:
                raise InputError(f"--lora: {name}: given twice; allowed is once")
            found[name], last = value.strip(), name
        elif name in FLAGS and not equals:
            found[name] = "true"
        elif last in ("targets", "modules_to_save") and part.strip() and not equals:
            found[last] += f",{part.strip()}"
        else:
            raise InputError(f"--lora: {given(part)}: allowed: {', '.join(FIELDS)}{did_you_mean(name, FIELDS)}")
    _number(found.get("alpha", "1"), "alpha")
    _flag(found, "rslora")
    return found


def _flag(fields: Mapping[str, str], name: str) -> bool:
    value = fields.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InputError(f"--lora: {name}: got {given(value)}; allowed: true or false")
    return value == "true"


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"--lora: {name}: got {given(text)}; allowed: a number")
    return number


def _dtype(fields: Mapping[str, str], framework: str) -> DataType | None:
    """The data type of adapters."""
    if "dtype" not in fields:
        return FP32 if framework.startswith(("hf", "unsloth")) else None
    if fields["dtype"] not in ("fp32", "bf16", "fp16"):
        raise InputError(f"--lora: dtype: got {given(fields['dtype'])}; allowed: fp32, bf16, fp16")
    return DATA_TYPES[fields["dtype"]]
