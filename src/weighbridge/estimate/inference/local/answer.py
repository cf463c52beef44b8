"""Which of a model's quantisations fits on one's own devices, and at what speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.estimate.inference.local.builds import BUILDS
from weighbridge.estimate.inference.local.option import Option
from weighbridge.estimate.inference.local.quantised import quantised, title
from weighbridge.estimate.inference.local.split import Host
from weighbridge.estimate.parameters import as_model
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.device import Device
from weighbridge.models import Model
from weighbridge.models.storage import Storage
from weighbridge.nn import Module
from weighbridge.parallel.engine import engine
from weighbridge.parallel.serving import Serving
from weighbridge.units import data_type

MOST_POSITIONS = 1 << 24
"""More positions than any cache has."""

MOST_DEVICES = 16
"""Devices that llama.cpp takes (ggml-backend-impl.h and llama.h, llama_max_devices)."""


@dataclass(frozen=True, eq=False)
class Local:
    """A model on one's devices, in every quantisation that was asked.

    Attributes:
        model: the model.
        devices: layers go to them.
        host: for the others.
        context: positions of the cache.
        options: one for each quantisation.
    """

    model: Model
    devices: tuple[Device, ...]
    host: Host
    context: int
    options: tuple[Option, ...] = field(default=())


def local(
    model: Model | Module | str,
    devices: str | Device | Sequence[str | Device],
    quantisations: Sequence[str | Storage] = ("Q4_K_M",),
    context: int = 4096,
    *,
    host: Host | None = None,
    ngl: int | None = None,
    tensor_split: Sequence[float] = (),
    build: str = "llamacpp",
    chunk: int | None = None,
    host_experts: int = 0,
    cache: str = "fp16",
) -> Local:
    """Weigh a model on one's devices.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        devices: names in the catalogue of devices, or devices; a processor alone for none.
        quantisations: llama.cpp's recipes (``Q4_K_M``), formats that checkpoints have, data types, or storages.
        context: positions of the cache.
        host: memory and bandwidth for layers that no device holds.
        ngl: layers on devices, what stands after them as one more; as many as fit if ``None``.
        tensor_split: shares of the devices; by their memory if empty.
        build: the engine, a name of :data:`weighbridge.estimate.inference.local.builds.BUILDS`.
        chunk: tokens of a prompt that one pass runs; the engine's own default if ``None``.
        host_experts: first layers whose routed experts stay on the host (``--n-cpu-moe``).
        cache: data type of keys and values (``-ctk``, ``-ctv``): ``fp16``, ``q8_0``, ``q4_0`` ...

    Raises:
        InputError: with what is wrong in one line.
    """
    loaded = as_model(model)
    asked = [devices] if isinstance(devices, str | Device) else list(devices)
    found = tuple(device for one in asked for device in _devices(one))
    serving = _serving(loaded, build, cache)
    for field_, message in _problems(found, context, ngl, tensor_split, host_experts):
        raise InputError(f"{field_}: {message}")
    if host_experts and not any(node.together for node in loaded.tree.walk()):
        raise InputError(f"host_experts: got {host_experts:,}, but {loaded.name} has no experts")
    options = tuple(
        Option(
            title(one),
            quantised(loaded, one, serving),
            found,
            host or Host(),
            BUILDS[build],
            context,
            ngl,
            tuple(tensor_split),
            chunk or serving.engine.chunk or context,
            host_experts,
        )
        for one in quantisations
    )
    return Local(loaded, found, host or Host(), context, options)


def _serving(model: Model, build: str, cache: str) -> Serving:
    """One sequence under an engine.

    Raises:
        InputError: for an engine that is none, or a data type of the cache that it does not have.
    """
    if build not in BUILDS:
        raise InputError(f"build: got {given(build)}; allowed: {', '.join(BUILDS)}{did_you_mean(build, BUILDS)}")
    runner = engine(build.partition("-")[0])
    serving = Serving(engine=runner, compute=data_type("fp16"), cache=data_type(cache, "cache"))
    for name, message in serving.problems(model.tree):
        raise InputError(f"{name}: {message}")
    return serving


def _devices(one: str | Device) -> list[Device]:
    """A device, or all of a cluster such as ``2xH100``."""
    if isinstance(one, Device):
        return [one]
    machines = load_cluster(one)
    if not 1 <= machines.gpus <= MOST_DEVICES:
        raise InputError(f"devices: got {given(one)}; allowed is 1 to {MOST_DEVICES} of them")
    return [machines.device] * int(machines.gpus)


def _problems(
    devices: Sequence[Device], context: int, ngl: int | None, shares: Sequence[float], host_experts: int
) -> Iterator[tuple[str, str]]:
    if not devices:
        yield "devices", "none; allowed is one or more of the catalogue, such as RTX 4090"
    if not 1 <= context <= MOST_POSITIONS:
        yield "context", f"got {context:,}; allowed is 1 to {MOST_POSITIONS:,}"
    if len(devices) > MOST_DEVICES:
        yield "devices", f"{len(devices):,}; allowed is 1 to {MOST_DEVICES} of them"
    if ngl is not None and ngl < 0:
        yield "ngl", f"got {ngl:,}; allowed is a whole number from 0"
    if host_experts < 0:
        yield "host_experts", f"got {host_experts:,}; allowed is a whole number from 0"
    if ngl is not None and all(device.kind == "CPU" for device in devices):
        yield "ngl", "a processor runs all layers; leave it out, or name a GPU among the devices"
    if shares and (len(shares) != len(devices) or min(shares) < 0 or sum(shares) <= 0):
        yield "tensor_split", f"got {len(shares):,} shares; allowed is one for each of {len(devices):,} devices, from 0"
