"""What a deployment is by default: how many ranks share the model, how weights are stored, how many users there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.estimate.compute import check_length, longest
from weighbridge.estimate.inference.inference import Inference, infer
from weighbridge.estimate.inference.supported import check, check_cache, check_compute, lacking
from weighbridge.estimate.parameters import as_model, made
from weighbridge.estimate.shown import Shown
from weighbridge.formats.cluster import load_cluster
from weighbridge.formats.gguf.recipes import RECIPES
from weighbridge.formats.quantization import NAMED
from weighbridge.hardware.cluster import Cluster
from weighbridge.models import Model
from weighbridge.nn import Module
from weighbridge.parallel.degrees import SERVING
from weighbridge.parallel.engine import ENGINES
from weighbridge.parallel.serving import Serving
from weighbridge.units import DATA_TYPES, data_type, gibibytes

AUTO, PUBLISHED = "auto", "published"
"""Weights as the checkpoint has them if they fit, else in the widest format that does; as the checkpoint has them."""

STORED = (PUBLISHED, "fp32", "bf16", "fp16", "fp8", "mxfp8", *NAMED)
"""Ways to store weights, by name."""

WAYS = (AUTO, *STORED)
"""Those, and that one of them is chosen."""

NARROWER = ("fp8-block", "nvfp4", "w4a16")
"""Formats that are tried where published weights do not fit, the widest first; of 8 and 4 bits those alone that the
device multiplies in, and last the one that any can."""

UNITS = {"fp8-block": "fp8", "nvfp4": "fp4"}

DEGREES = tuple(SERVING.values())
"""Parallel sizes of a deployment."""

MOST_USERS = 1024
"""Sequences that are served at once where nobody says, at most (vLLM, engine/arg_utils.py: max_num_seqs on GPUs of 70
GiB and more)."""

PROMPT, OUTPUT = 1024, 256
"""Tokens of a prompt and of an answer where nobody says."""


@dataclass(frozen=True, eq=False)
class Deployment(Shown):
    """A deployment, and what of it nobody asked for.

    Attributes:
        inference: what is weighed.
        stored: how weights are stored: a name of a format, or ``published``.
        chosen: what was chosen here and why, a line each.
    """

    inference: Inference
    stored: str
    chosen: tuple[str, ...] = ()


def deploy(
    model: Model | Module | str,
    cluster: Cluster | str,
    *,
    quantisation: str = AUTO,
    prompt: int | None = None,
    output: int | None = None,
    batch: int | None = None,
    price: float | None = None,
    **fields: Any,
) -> Deployment:
    """Weigh a deployment of which as little is said as people like; the rest is chosen, and said.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        cluster: what it runs on.
        quantisation: how weights are stored: ``auto``, ``published``, a data type or a named format.
        prompt: tokens of a prompt.
        output: tokens of an answer.
        batch: sequences at once; the largest that fits if ``None``, up to :data:`MOST_USERS`.
        price: dollars per GPU and hour; the catalogue's if ``None``.
        fields: fields of :class:`weighbridge.parallel.serving.Serving`; of parallel sizes those that are said.

    Raises:
        InputError: with everything that is wrong in one line.
    """
    loaded = as_model(model)
    machines = load_cluster(cluster) if isinstance(cluster, str) else cluster
    check_known(quantisation)
    check(machines.device, quantisation)
    half = DATA_TYPES[machines.device.half]
    narrower = [] if half is DATA_TYPES["bf16"] or "compute" in fields else [half]
    fields.setdefault("compute", half)
    fields.setdefault("cache", fields["compute"])
    check_compute(machines.device, fields["compute"].name)
    if "cache" in fields:
        check_cache(machines.device, fields.get("engine", ENGINES["vllm"]), fields["cache"].name)
    shape, chosen = _shape(loaded, prompt, output)
    chosen += [f"{one.name} (--dtype): {machines.device.title} does not multiply in bf16" for one in narrower]
    fields |= shape
    found, stored = _first_that_fits(loaded, machines, quantisation, price, fields, batch)
    chosen += _said(found, stored, quantisation, fields, machines)
    if batch is None:
        found, why = _largest(found)
        chosen.append(why)
    return Deployment(found, stored, tuple(chosen))


def check_known(quantisation: str) -> None:
    """Refuse what is no way to store weights.

    Raises:
        InputError: with the nearest.
    """
    if quantisation not in WAYS and quantisation.upper() not in RECIPES:
        near = did_you_mean(quantisation, (*WAYS, *RECIPES))
        allowed = f"{', '.join(WAYS)}, and llama.cpp's recipes such as Q4_K_M"
        raise InputError(f"quantisation: got {given(quantisation)}; allowed: {allowed}{near}")


def _shape(model: Model, prompt: int | None, output: int | None) -> tuple[dict[str, int], list[str]]:
    """Tokens of prompt and answer.

    Raises:
        InputError: where they are more than the model has positions for.
    """
    limit = longest(model)
    answer = output if output is not None else OUTPUT if limit is None else max(1, min(OUTPUT, limit // 4))
    question = prompt if prompt is not None else PROMPT if limit is None else max(1, min(PROMPT, limit - answer))
    said = [f"prompts of {question:,} tokens (--prompt)"] if prompt is None else []
    said += [f"answers of {answer:,} tokens (--output)"] if output is None else []
    if question >= 1 and answer >= 1:
        try:
            check_length(model, question + answer)
        except InputError as error:
            raise InputError(f"prompt + output: {str(error).partition(': ')[2]}") from None
    return {"prompt": question, "output": answer}, [f"{' and '.join(said)}: by default"] if said else []


def _first_that_fits(
    model: Model, machines: Cluster, quantisation: str, price: float | None, fields: dict[str, Any], batch: int | None
) -> tuple[Inference, str]:
    """The first way to store weights and to lay ranks out with which a sequence fits; the first of all if none does.

    Raises:
        InputError: where what is asked for cannot be.
    """
    tried: list[tuple[Inference, str]] = []
    for stored in _stored(model, machines, quantisation):
        for sizes in layouts(model, machines, fields):
            users = batch if batch is not None else sizes.get("data", 1)
            settled = {**fields, **sizes, "batch": users}
            found = _weighed(model, machines, stored, price, settled)
            if found.memory.max_batch:
                return found, stored
            tried.append((found, stored))
    return tried[0]


def _weighed(model: Model, machines: Cluster, stored: str, price: float | None, fields: dict[str, Any]) -> Inference:
    """A deployment with weights stored in one way: a recipe of llama.cpp makes another checkpoint of the model."""
    recipe = stored not in WAYS and stored.upper() in RECIPES  # bf16 and nvfp4 are names of both: engines' own go first
    kept = made(model, stored)[0] if recipe else model
    found = infer(
        kept, None, machines, None if recipe else weights_of(model, stored, fields["compute"].name), price, **fields
    )
    rest = found.storage.rest if found.storage else None
    return found if rest is None else replace(found, dtype=rest)


def _stored(model: Model, machines: Cluster, quantisation: str) -> Iterator[str]:
    """Ways to store weights, in the order in which they are tried."""
    if quantisation != AUTO:
        yield quantisation
        return
    yield PUBLISHED
    for name in NARROWER if model.storage is None else ():
        unit = UNITS.get(name)
        if not lacking(machines.device, name) and (unit is None or unit in machines.device.peak_flops):
            yield name


def weights_of(model: Model, stored: str, half: str = "bf16") -> str | None:
    """What :func:`infer` takes for a way to store weights: engines serve what is published in 32 bits in 16 (vLLM,
    config/model.py, ``dtype`` "auto"), in the type of activations.
    """
    if stored != PUBLISHED:
        return stored
    published = getattr(model.config, "dtype", None) or "bf16"
    plain = model.storage is None and data_type(published).name != half
    return half if plain else None


def layouts(model: Model, machines: Cluster, fields: dict[str, Any]) -> Iterator[dict[str, int]]:
    """Parallel sizes to try: as said; else as many ranks of a server as heads allow share the model, and servers hold
    replicas, whose experts they share, or stages.
    """
    said = {name: fields[name] for name in DEGREES if fields.get(name) is not None}
    if set(said) - {"expert"}:
        yield {**dict.fromkeys(DEGREES, 1), **said}
        return
    tensor = largest_tensor(model, min(machines.gpus, machines.gpus_per_node), machines.gpus)
    rest = machines.gpus // tensor
    whole = {**dict.fromkeys(DEGREES, 1), "tensor": tensor}
    if rest > 1:
        experts = [node.times for node in model.tree.walk() if node.together]
        shared = tensor * rest if experts and all(count % (tensor * rest) == 0 for count in experts) else 1
        yield {**whole, "data": rest, "expert": shared, **said}
        yield {**whole, "pipeline": rest, **said}
    else:
        yield {**whole, **said}


def largest_tensor(model: Model, most: int, gpus: int) -> int:
    """The largest tensor parallel size that heads divide by, and that divides the cluster."""
    for size in range(most, 1, -1):
        if gpus % size == 0 and not any(Serving(tensor=size).problems(model.tree)):
            return size
    return 1


def _said(
    found: Inference, stored: str, quantisation: str, fields: dict[str, Any], machines: Cluster
) -> list[str]:  # fmt: skip
    """What was chosen of weights and ranks, and why."""
    said, serving, model = [], found.serving, found.model
    if quantisation == AUTO and stored != PUBLISHED:
        wide = replace(found, storage=model.storage, dtype=infer(model).dtype)
        size = int(wide.memory.weight_bytes)
        whole = int(serving.gpus)
        together = f" ({gibibytes(whole * size)} on {whole:,})" if whole > 1 else ""
        said.append(
            f"weights: {gibibytes(size)} on each GPU{together} as published, in {wide.dtype.name}, do not fit; in "
            f"{stored} they do: another checkpoint, whose answers may differ (--quant)"
        )
    half = serving.compute.name
    if stored == PUBLISHED and weights_of(model, stored, half) is not None:
        published = data_type(getattr(model.config, "dtype", None) or "bf16")
        kept = f" (--quant {published.name} keeps them)" if published.bits > serving.compute.bits else ""
        said.append(f"weights: published in {published.name}, served in {half}{kept}")
    if not any(fields.get(name) is not None for name in DEGREES) and machines.gpus > 1:
        said.append(f"ranks: {ranks(serving)}: all GPUs of the cluster (--tp, --pp, --dp, --ep)")
    elif serving.gpus < machines.gpus:
        said.append(f"{serving.gpus:,} of the cluster's {machines.gpus:,} GPUs are used; --dp adds replicas")
    return said


def ranks(serving: Serving) -> str:
    """Parallel sizes in words."""
    sizes = [f"{name} parallel {getattr(serving, name):,}" for name in DEGREES if getattr(serving, name) > 1]
    return ", ".join(sizes) or "one GPU"


def _largest(found: Inference) -> tuple[Inference, str]:
    """The deployment with as many users as fit."""
    most = found.memory.max_batch or 0
    batch = max(found.serving.data, min(most, MOST_USERS))
    if not most:
        why = f"{batch:,} at once (--batch): nothing fits"
    elif batch < most:
        why = f"{batch:,} at once (--batch): as many as vLLM serves at once by default; {most:,} fit"
    else:
        why = f"{batch:,} at once (--batch): as many as fit"
    return replace(found, serving=replace(found.serving, batch=batch)), why
