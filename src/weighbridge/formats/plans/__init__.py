"""Files of training frameworks, in and out: DeepSpeed's JSON, torchtitan's TOML, Hugging Face's TrainingArguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, UnreadableError, given, shown
from weighbridge.formats import door
from weighbridge.formats.files import MAX_JSON, read_json, read_text, read_toml
from weighbridge.formats.plans import deepspeed, torchtitan, training_arguments
from weighbridge.formats.plans.deepspeed_keys import KEYS as DEEPSPEED
from weighbridge.formats.plans.emit import KINDS, Emitted, emit
from weighbridge.formats.plans.options import Options, Read, layers_said
from weighbridge.formats.plans.table import known
from weighbridge.formats.plans.torchtitan_keys import KEYS as TORCHTITAN
from weighbridge.formats.plans.trainer_keys import KEYS as TRAINER
from weighbridge.parallel.plan import Plan

__all__ = ["KINDS", "Emitted", "Loaded", "emit", "layers_said", "load_plan"]


@dataclass(frozen=True)
class Loaded:
    """What a file of a training framework says.

    Attributes:
        plan: the plan. It is not checked as a whole: ``plan.problems()`` says what does not go together.
        model: what is trained, by a name of the catalogue, a path or a Hugging Face id; ``None`` where it does not say.
        warnings: what is unknown, assumed or not modelled, a line each.
        kind: whose file it is: DeepSpeed, torchtitan or TrainingArguments.
        names: what the file calls fields of the plan.
    """

    plan: Plan
    model: str | None = None
    warnings: tuple[str, ...] = ()
    kind: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def load_plan(path: str | Path, gpus: int | None = None, base: Mapping[str, Any] | None = None) -> Loaded:
    """The plan of a file, whose kind is told by its contents.

    Args:
        path: a DeepSpeed JSON, a torchtitan TOML or a JSON of TrainingArguments.
        gpus: ranks in all; those of the file, or of one replica of the model, if ``None``.
        base: fields of the plan that go before the file and fill what it leaves "auto", in the plan's own types
            (frameworks, optimizers and schedules also by name); ``hidden_size`` and ``layers`` of the model too.

    Raises:
        UnreadableError: for a file that cannot be read.
        InputError: for one that is none of these, or one line with everything that is wrong in it.
    """
    options = Options.of(gpus, base)
    file = _found(path)
    text = read_text(file, MAX_JSON)
    if file.suffix.lower() == ".json" or text.lstrip().startswith(("{", "[]", "[{")):
        raw = _object(file)
        kind = _kind(file, raw)
        if kind == "DeepSpeed":
            _see_that_no_key_is_twice(text)
            return _loaded(deepspeed.read(raw, options), kind, raw)
        return _loaded(training_arguments.read(raw, options, file.parent), kind, raw)
    raw = read_toml(file)
    if not _known(raw, TORCHTITAN):
        raise _none(file, raw)
    return _loaded(torchtitan.read(raw, options), "torchtitan", raw)


def _object(file: Path) -> dict[str, Any]:
    """The object of a JSON file.

    Raises:
        UnreadableError: for one that holds something else, saying what it must be.
    """
    try:
        return read_json(file)
    except UnreadableError as error:
        raise UnreadableError(f"{error}; a plan file is {FORMS}") from None


CALLED: dict[str, dict[str, str | tuple[str, ...]]] = {
    "torchtitan": torchtitan.CALLED,
    "DeepSpeed": deepspeed.CALLED,
    "TrainingArguments": training_arguments.CALLED,
}
"""What files call fields of a plan, for problems of the plan."""

FORMS = "a DeepSpeed JSON, a torchtitan TOML or a JSON of TrainingArguments"


def _see_that_no_key_is_twice(text: str) -> None:
    """Refuse a key that stands twice in a table, as DeepSpeed does (dict_raise_error_on_duplicate_keys).

    Raises:
        InputError: naming it.
    """

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise InputError(f"{shown(key)}: given twice in one table")
            found[key] = value
        return found

    json.loads(text, object_pairs_hook=table)


def _loaded(found: Read, kind: str, raw: Mapping[str, Any]) -> Loaded:
    names = {
        name: called if isinstance(called, str) else _written(called, raw) for name, called in CALLED[kind].items()
    }
    return Loaded(found.plan, found.model, tuple(dict.fromkeys(found.warnings)), kind, names)


def _written(names: tuple[str, ...], raw: Mapping[str, Any]) -> str:
    """The name of several that a file has; the first where it has none."""

    def stands(name: str) -> bool:
        found: Any = raw
        for key in name.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found is not None

    return next((name for name in names if stands(name)), names[0])


def _found(path: str | Path) -> Path:
    text = str(path)
    if not text or "\0" in text:
        raise InputError(f"configuration: got {given(text)}; expected the path of a file")
    try:
        return door.path_of(path)
    except RuntimeError:
        raise UnreadableError(f"{shown(text)} cannot be read: no such home directory") from None


STRONG = {
    "DeepSpeed": known(DEEPSPEED) - {"optimizer", "scheduler", "compile", "checkpoint", "seed", "debug", "wandb"},
    "TrainingArguments": {
        *("output_dir", "per_device_train_batch_size", "per_gpu_train_batch_size", "gradient_accumulation_steps"),
        *(
            "gradient_checkpointing",
            "optim",
            "deepspeed",
            "fsdp",
            "num_train_epochs",
            "learning_rate",
            "use_liger_kernel",
        ),
    },
}
"""Keys that other files do not have."""


def _kind(path: Path, raw: Mapping[str, Any]) -> str:
    """Whose JSON it is: of which more keys are known."""
    if "model_type" in raw or "architectures" in raw:
        raise InputError(f"{shown(str(path), 240)} is a model's configuration; give it as MODEL")
    score = {"DeepSpeed": _known(raw, DEEPSPEED), "TrainingArguments": _known(raw, TRAINER)}
    score = {name: score[name] if STRONG[name] & raw.keys() else 0 for name in score}
    best = max(score, key=lambda name: score[name])
    if not score[best]:
        raise _none(path, raw)
    return best


def _known(raw: Mapping[str, Any], keys: Mapping[str, Mapping[str, str]]) -> int:
    """How many of a file's keys a framework knows; sections, which are told apart by being tables, count most."""
    names = known(keys)
    return sum((2 if isinstance(raw[key], Mapping) == (key in keys) else 1) for key in raw if key in names)


def _none(path: Path, raw: Mapping[str, Any]) -> InputError:
    held = f"it holds {shown(', '.join(list(raw)[:5]), 80)}" if raw else "it is empty"
    forms = "a DeepSpeed JSON, a torchtitan TOML, nor a JSON of TrainingArguments"
    return InputError(f"{shown(str(path), 240)} is neither {forms}; {held}")
