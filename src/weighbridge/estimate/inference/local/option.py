"""A model in one quantisation on one's own devices: what each device holds, and how fast tokens are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from weighbridge.estimate.inference.local.buffers import Buffers, Copies, compute
from weighbridge.estimate.inference.local.builds import Build
from weighbridge.estimate.inference.local.layers import Layers
from weighbridge.estimate.inference.local.prompt import Prompt, chunk_seconds, precision
from weighbridge.estimate.inference.local.rates import rates
from weighbridge.estimate.inference.local.split import Host, Share, dealt, unified
from weighbridge.estimate.inference.local.stored import together
from weighbridge.estimate.inference.local.token import Handover, Mapped, Part, Read, Token
from weighbridge.hardware.device import Device
from weighbridge.sums import summed
from weighbridge.traced import identifier

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
    def buffers(self) -> Buffers | Copies:
        """What the largest buffer is made of."""
        return compute(self.layers, self.build, self.context, self.chunk)

    @cached_property
    def buffer(self) -> int:
        """Bytes of the largest buffer that a pass needs."""
        return self.buffers.bytes

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
        held = [self.layers.layers[index].stored for index in own] + ([self.layers.head.stored] if head else [])
        away = [index for index in self._away(places) if device is None or index in own]
        moved = [self.layers.layers[index].routed for index in away]
        here = device is None or any(unified(each) for each in self.devices)
        if here and (device is None) == (not any(unified(each) for each in self.devices)):
            held.append(self.layers.embedding.stored)
        file = together([*held, *moved]) if device is None else together(held, moved)
        used = bool(own or head or (device is None and away))
        buffer = self.buffer if used else 0
        context = device.context_bytes if device is not None and used else 0
        capacity = self.host.memory if device is None else self._holds(device)
        return Share(device, own, head, file, self.cache, whole, buffer, context, capacity)

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

    def token(self, past: int) -> Token | None:
        """One token after so many; ``None`` where it does not run, or nobody says how fast a part reads."""
        if not self.runs:
            return None
        shares = [(share, name) for share, name in zip(self.parts, self.names, strict=True) if share.buffers]
        found = [self._part(share, name, past) for share, name in shares]
        parts = tuple(one for one in found if one is not None)
        return Token(parts, self._handover) if len(parts) == len(found) else None

    @property
    def names(self) -> list[str]:
        """What symbols call the devices, and the host last."""
        own = [identifier(device.name) for device in self.devices]
        before = [own[:place].count(name) for place, name in enumerate(own)]
        return [f"{name}_{times + 1}" if times else name for name, times in zip(own, before, strict=True)] + ["host"]

    @property
    def _handover(self) -> Handover | None:
        """How a token's activations are handed on; ``None`` where one device has all."""
        crossings = sum(bool(share.layers or share.head) for share in self.parts) - 1 + 2 * len(self._split_layers)
        links = [device.pcie_bandwidth for device in self.devices if device.pcie_bandwidth]
        link = min(links) if links else None
        return Handover(crossings, HANDOVER, 4 * self.layers.words[1], link) if crossings else None

    def _part(self, share: Share, name: str, past: int) -> Part | None:
        """What one device does for a token; ``None`` where nobody says which reads."""
        here = (device for device in self.devices if device.kind == "CPU")
        device = share.device or self.host.processor or next(here, None)
        if device is None:
            return None
        again = self.layers.heads[1] if self.build.reads_per_head else 1.0
        cuda = device.vendor != "Apple" and device.kind != "CPU"
        mapped = Mapped(share.beyond, self._active, self.host.disk) if share.beyond and self.host.disk else None
        own = name if sum(bool(each.buffers) for each in self.parts) > 1 else ""
        return Part(
            name,
            replace(rates(device), name=own),
            tuple(Read(own, kind, size) for kind, size in self._read(share).items()),
            self.layers.cache(past + 1),
            self.build.count(self.layers.step(past), cuda and self.layers.quantised),
            len(share.layers),
            self.layers.count,
            self._graphs,
            None if again == 1 else again,
            self.build.repeats_keys,
            mapped,
        )

    def _read(self, share: Share) -> dict[str, float]:
        """Bytes by type that one device reads of weights; less than one is rounding."""
        held = [self.layers.layers[index] for index in share.layers] + ([self.layers.head] if share.head else [])
        away = [index for index in self._split_layers if share.device is None or index in share.layers]
        sign = 1 if share.device is None else -1
        found: dict[str, float] = {}
        for kind, size in (item for one in held for item in one.read.items()):
            found[kind] = found.get(kind, 0.0) + size
        for kind, size in (item for index in away for item in self.layers.layers[index].met.items()):
            found[kind] = found.get(kind, 0.0) + sign * size
        return {kind: int(size) if size.is_integer() else size for kind, size in found.items() if size >= 1}

    def seconds(self, past: int) -> float | None:
        """Seconds of one token after so many; ``None`` where it does not run, or nobody says how fast a part reads."""
        token = self.token(past)
        return None if token is None else token.seconds

    def tokens_per_second(self, past: int) -> float | None:
        """Tokens that are made in a second after so many."""
        token = self.token(past)
        return None if token is None else token.per_second

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

    def prompt_seconds(self, tokens: int) -> float | None:
        """Seconds of a prompt; ``None`` where it does not run on devices alone or nobody says how fast they multiply.

        Several devices work on consecutive chunks of a batch at once (llama.cpp pull request 6017), and the next batch
        waits for all of them.
        """
        used = [share for share in self.parts if share.buffers]
        known = all(share.device is not None and precision(share.device) for share in used)
        if not self.runs or not known:
            return None
        total = 0.0
        for batch in range(0, tokens, BATCH):
            starts = range(batch, min(batch + BATCH, tokens), self.chunk)
            chunks = [[self._chunk(share, min(self.chunk, tokens - past), past) for share in used] for past in starts]
            total += summed(chunks[0]) + summed(max(stages) for stages in chunks[1:])
        return total

    @cached_property
    def prompt(self) -> Prompt | None:
        """A prompt that fills the context, or the longest that is timed; ``None`` where that is not known."""
        tokens = min(self.context, LONGEST_PROMPT)
        seconds = self.prompt_seconds(tokens)
        return None if seconds is None else Prompt(tokens, seconds)

    @property
    def prompt_rate(self) -> float | None:
        """Tokens per second of that prompt."""
        return None if self.prompt is None else self.prompt.per_second

    def _chunk(self, share: Share, tokens: int, past: int) -> float:
        device = share.device
        assert device is not None
        whole = chunk_seconds(self.layers, device, self.build, rates(device), tokens, past)
        return whole * len(share.layers) / self.layers.count
