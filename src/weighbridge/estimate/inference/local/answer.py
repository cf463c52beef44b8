"""Which of a model's quantisations fits on one's own devices, and at what speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.estimate.inference.local import buffers, prompt
from weighbridge.estimate.inference.local.builds import BUILDS, Build
from weighbridge.estimate.inference.local.layers import Layers
from weighbridge.estimate.inference.local.quantised import quantised, title
from weighbridge.estimate.inference.local.rates import rates
from weighbridge.estimate.inference.local.split import Host, Share, dealt, unified
from weighbridge.estimate.parameters import as_model
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.device import Device
from weighbridge.models import Model
from weighbridge.models.storage import Storage
from weighbridge.nn import Module
from weighbridge.parallel.engine import engine
from weighbridge.parallel.serving import Serving
from weighbridge.sums import summed
from weighbridge.units import data_type

MOST_POSITIONS = 1 << 24
"""More positions than any cache has."""

MOST_DEVICES = 16
"""Devices that llama.cpp takes (ggml-backend-impl.h and llama.h, llama_max_devices)."""

LONGEST_PROMPT = 1 << 15
"""Tokens of the longest prompt that is timed for a report."""

BATCH = 2048
"""Tokens of a prompt that are handed over at once (llama.cpp, ``--batch-size``), in chunks."""

HANDOVER = 20e-6
"""Seconds from device to device beside the bytes: a copy and an event, launched and waited for by the host."""


@dataclass(frozen=True, eq=False)
class Option:
    """A model in one quantisation on one's devices.

    Attributes:
        name: of the quantisation.
        layers: the model in it.
        devices: that layers go to.
        host: for the others.
        build: the engine.
        context: positions that the cache has, all of which it takes at once.
        offloaded: layers that go to devices, what stands after them as one more; ``None`` for as many as fit.
        shares: of the devices; by their memory if empty.
        chunk: tokens of a prompt that one pass runs.
        host_experts: first layers whose routed experts stay on the host (``--n-cpu-moe``).
    """

    name: str
    layers: Layers
    devices: tuple[Device, ...]
    host: Host
    build: Build
    context: int
    offloaded: int | None = None
    shares: tuple[float, ...] = ()
    chunk: int = 512
    host_experts: int = 0

    @cached_property
    def bytes(self) -> int:
        """Of its weights."""
        return self.layers.bytes

    @cached_property
    def cache(self) -> int:
        """Bytes of the cache of the whole context."""
        return self.layers.cache(self.context)

    @cached_property
    def buffer(self) -> int:
        """Bytes of the largest buffer that a pass needs."""
        return buffers.compute(self.layers, self.build, self.context, self.chunk)

    @cached_property
    def ngl(self) -> int:
        """Layers on devices, what stands after them as one more: as asked, or as many as fit."""
        whole = self.layers.count + 1
        if self.offloaded is not None:
            return min(self.offloaded, whole)
        fitting = (count for count in range(whole, 0, -1) if all(share.fits for share in self._dealt(count)[:-1]))
        return next(fitting, 0)

    @cached_property
    def parts(self) -> list[Share]:
        """What every device holds, and the host last."""
        return self._dealt(self.ngl)

    def _dealt(self, offloaded: int) -> list[Share]:
        """The split under so many layers on devices."""
        whole = self.layers.count
        capacities = self.shares or tuple(float(device.usable_bytes) for device in self.devices)
        places = [None] * (whole + 1) if offloaded == 0 else list(dealt(whole, offloaded, capacities))
        found = [self._share(number, device, places) for number, device in enumerate(self.devices)]
        host = self._share(None, None, places)
        return [*found, replace(host, capacity=self._room(found))]

    def _room(self, on: Sequence[Share]) -> int | None:
        """Bytes that the host holds; where its memory is a device's, what that leaves; ``None`` where nobody said."""
        shared = [(one.device, one.needed) for one in on if one.device is not None and unified(one.device)]
        if not shared:
            return self.host.memory
        whole = sum(device.memory_bytes for device, _ in shared)
        given = whole if self.host.memory is None else min(whole, self.host.memory)
        return max(0, given - sum(needed for _, needed in shared))

    def _holds(self, device: Device) -> int:
        """Bytes that a device holds; a processor as many as there are."""
        if device.kind != "CPU" or self.host.memory is None:
            return device.usable_bytes
        return min(device.usable_bytes, self.host.memory)

    def _share(self, number: int | None, device: Device | None, places: Sequence[int | None]) -> Share:
        whole = self.layers.count
        own = tuple(index for index, place in enumerate(places[:-1]) if place == number)
        head = places[-1] == number
        weights = sum(self.layers.layers[index].bytes for index in own) + (self.layers.head.bytes if head else 0)
        away = [index for index in self._away(places) if device is None or index in own]
        moved = sum(self.layers.layers[index].experts for index in away)
        weights += moved if device is None else -moved
        here = device is None or any(unified(each) for each in self.devices)
        if here and (device is None) == (not any(unified(each) for each in self.devices)):
            weights += self.layers.embedding.bytes
        cache = -(-self.cache * len(own) // whole)
        used = bool(own or head or (device is None and away))
        buffer = self.buffer if used else 0
        context = device.context_bytes if device is not None and used else 0
        capacity = self.host.memory if device is None else self._holds(device)
        return Share(device, own, head, weights, cache, buffer, context, capacity)

    def _away(self, places: Sequence[int | None]) -> list[int]:
        """Layers on devices whose routed experts stay on the host."""
        return [index for index, place in enumerate(places[:-1][: self.host_experts]) if place is not None]

    @property
    def _split_layers(self) -> list[int]:
        """The same of the split that is."""
        on = {index for share in self.parts[:-1] for index in share.layers}
        return [index for index in range(self.host_experts) if index in on]

    @property
    def fits(self) -> bool:
        """Every device holds its part, and the host the rest."""
        return all(share.fits for share in self.parts)

    @property
    def runs(self) -> bool:
        """It runs, though weights may have to come from disk."""
        *on, host = self.parts
        return all(share.fits for share in on) and (host.fits or self.host.disk is not None)

    def seconds(self, past: int) -> float | None:
        """Seconds of one token after so many; ``None`` where it does not run, or nobody says how fast a part reads."""
        if not self.runs:
            return None
        found = [self._reading(share, past) for share in self.parts if share.buffers]
        if any(one is None for one in found):
            return None
        crossings = sum(bool(share.layers or share.head) for share in self.parts) - 1 + 2 * len(self._split_layers)
        return sum(one for one in found if one is not None) + crossings * self._handover

    @property
    def _handover(self) -> float:
        """Seconds to hand a token's activations on."""
        hidden = 4 * self.layers.words[1]
        links = [device.pcie_bandwidth for device in self.devices if device.pcie_bandwidth]
        return HANDOVER + (hidden / min(links) if links else 0.0)

    def _reading(self, share: Share, past: int) -> float | None:
        """Seconds that one device takes for its part of a token."""
        here = (device for device in self.devices if device.kind == "CPU")
        device = share.device or self.host.processor or next(here, None)
        if device is None:
            return None
        pace, part = rates(device), len(share.layers) / self.layers.count
        held = [self.layers.layers[index] for index in share.layers] + ([self.layers.head] if share.head else [])
        weights = summed(pace.read(size, kind) for one in held for kind, size in one.read.items())
        away = [index for index in self._split_layers if share.device is None or index in share.layers]
        experts = sum(pace.read(size, kind) for index in away for kind, size in self.layers.layers[index].met.items())
        weights += experts if share.device is None else -experts
        again = self.layers.heads[1] if self.build.reads_per_head else 1.0
        kept = self.layers.cache(past + 1) * part
        cache = pace.read(kept, again=again)
        if self.build.repeats_keys and again > 1:  # read once, written for every head, and read there
            cache = pace.read(kept * (1 + 2 * again))
        cuda = device.vendor != "Apple" and device.kind != "CPU"
        kernels = self.build.count(self.layers.step(past), cuda and self.layers.quantised) * part
        each = pace.gap + (0.0 if self._graphs else pace.launch)
        disk = share.beyond * self._active / self.host.disk if share.beyond and self.host.disk else 0.0
        return weights + cache + kernels * each + disk

    @property
    def _active(self) -> float:
        """Of the weights that a token reads."""
        every = sum(layer.bytes for layer in self.layers.layers)
        return summed(summed(layer.read.values()) for layer in self.layers.layers) / every

    @property
    def _graphs(self) -> bool:
        """A token is one CUDA graph: of llama.cpp, where one device has all of it (with several, buffers change from
        token to token, ggml-backend.cpp, n_copies)."""
        used = sum(bool(share.buffers) for share in self.parts)
        return used == 1 and self.layers.serving.engine.graphs

    def tokens_per_second(self, past: int) -> float | None:
        """Tokens that are made in a second after so many."""
        seconds = self.seconds(past)
        return None if seconds is None else 1 / seconds

    def prompt_seconds(self, tokens: int) -> float | None:
        """Seconds of a prompt; ``None`` where it does not run on devices alone or nobody says how fast they multiply.

        Several devices work on consecutive chunks of a batch at once (llama.cpp pull request 6017), and the next batch
        waits for all of them.
        """
        used = [share for share in self.parts if share.buffers]
        known = all(share.device is not None and prompt.precision(share.device) for share in used)
        if not self.runs or not known:
            return None
        total = 0.0
        for batch in range(0, tokens, BATCH):
            starts = range(batch, min(batch + BATCH, tokens), self.chunk)
            chunks = [[self._chunk(share, min(self.chunk, tokens - past), past) for share in used] for past in starts]
            total += summed(chunks[0]) + summed(max(stages) for stages in chunks[1:])
        return total

    @property
    def prompt_rate(self) -> float | None:
        """Tokens per second of a prompt that fills the context, or of the longest that is timed."""
        tokens = min(self.context, LONGEST_PROMPT)
        seconds = self.prompt_seconds(tokens)
        return None if seconds is None else tokens / seconds

    def _chunk(self, share: Share, tokens: int, past: int) -> float:
        device = share.device
        assert device is not None
        whole = prompt.chunk_seconds(self.layers, device, self.build, rates(device), tokens, past)
        return whole * len(share.layers) / self.layers.count


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
