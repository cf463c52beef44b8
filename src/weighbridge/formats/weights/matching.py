"""Tensors of files beside the weights that an architecture has: what is missing, left over or of another shape."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import prod

from weighbridge.errors import InputError, printable
from weighbridge.formats.weights.file import StoredTensor, WeightsFile
from weighbridge.formats.weights.synonyms import common, plain
from weighbridge.models import Model
from weighbridge.models.sites import OF_WEIGHTS, Placed, placed
from weighbridge.models.storage import Packing, Part, Piece
from weighbridge.tree import Kind

OTHERWISE = {"embed_tokens.wpe": "wpe", "self_attn.sink_scores.weight": "self_attn.sinks"}
"""Ends of names that published checkpoints have otherwise."""

STACKED = {
    "gate_proj": ("gate_up_proj", "gate_proj"),
    "up_proj": ("gate_up_proj", "up_proj"),
    "down_proj": ("down_proj",),
    "gate_up_proj": ("gate_up_proj",),
}
"""What the experts' weights are called where all of them are one tensor."""

NO_WEIGHTS = re.compile(
    r"(blk\.\d+\.)?rope_(freqs|factors_long|factors_short)\.weight"  # GGUF: frequencies of rotary positions
    r"|layers\.\d+\.(embed_tokens|shared_head\.head)\.weight"  # DeepSeek-V3's prediction layer repeats them
    r"|(.*\.)?rotary_emb\.(inv_freq|cos_cached|sin_cached)"
    r"|layers\.\d+\.attn\.(bias|masked_bias)"  # GPT-2: causal masks
    r"|.*\.quant_state\.bitsandbytes__\w+"  # bitsandbytes: the rest of a weight's state as text
)
"""Tensors that files may hold beside the weights: tables that follow from the configuration, and repetitions."""

MOST_WEIGHTS = 1_000_000
"""Weights that are looked for one by one; the largest published models have some 100,000. A configuration may lie."""

VALUES = ("", ".weight", "_blocks", ".weight_packed")
SCALES = ("_scales", "_scale_inv", ".weight_scale_inv", ".weight_scale")
BIASES = ("_bias", ".bias")
"""What follows such a name."""


@dataclass
class Matched:
    """What became of the tensors of a file.

    Attributes:
        model: what they were compared with.
        kinds: kinds of modules that have a tensor of such a name.
        parameters: what the tensors stand for, unpacked.
        missing: names of tensors that the model has and the file has not.
        lacking: elements of those.
        left: tensors that no weight of the model is.
        aside: tensors that are known to be no weights.
        misshapen: tensors of another shape than the weight of their name, and that shape.
    """

    model: Model
    kinds: dict[str, Kind] = field(default_factory=dict)
    parameters: int = 0
    missing: list[str] = field(default_factory=list)
    lacking: int = 0
    left: list[StoredTensor] = field(default_factory=list)
    aside: list[StoredTensor] = field(default_factory=list)
    misshapen: list[tuple[StoredTensor, tuple[int, ...]]] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Every weight is there, in its shape, and nothing else."""
        return not (self.missing or self.left or self.misshapen)

    def take(self, tensor: StoredTensor, kind: Kind, shape: tuple[int, ...], elements: int, fits: bool) -> None:
        """Count a tensor that stands for a weight, or for a part of it."""
        self.kinds[tensor.name] = kind
        self.parameters += elements
        if not fits:
            self.misshapen.append((tensor, shape))


def match(file: WeightsFile, model: Model) -> Matched:
    """The tensors of a file beside the weights of a model.

    Raises:
        InputError: for a GGUF file of a model whose names there are not known.
    """
    found = _gguf(file, model) if file.form == "gguf" else _checkpoint(file, model)
    for tensor in file.tensors:
        if tensor.name not in found.kinds:
            (found.aside if NO_WEIGHTS.fullmatch(plain(tensor.name)) else found.left).append(tensor)
    return found


def _gguf(file: WeightsFile, model: Model) -> Matched:
    from weighbridge.formats.gguf.architectures import of_model
    from weighbridge.formats.gguf.names import held

    tensors = {tensor.name: tensor for tensor in file.tensors}
    found = Matched(model)
    for one in held(model, of_model(model)):
        way = next((way for way in one.ways if all(part.name in tensors for part in way)), one.ways[-1])
        for part in way:
            tensor = tensors.get(part.name)
            if tensor is None:
                found.missing.append(part.name)
                found.lacking += part.count
                continue
            count = 0 if one.placed.weight.buffer else tensor.elements
            found.take(tensor, one.placed.node.kind, part.shape, count, _squeezed(tensor.shape) == part.shape)
    return found


def _squeezed(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1) or (1,)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A tensor that a model has.

    Attributes:
        placed: the weight that it stands for.
        last: the last part of its name.
        piece: which of several tensors it is; ``None`` for the weight itself.
        packing: of the weight.
    """

    placed: Placed
    last: str
    piece: Piece | None = None
    packing: Packing | None = None

    @property
    def names(self) -> Iterator[str]:
        """What it may be called, without what stands before ``layers``, the most common name first."""
        return _named(self.placed, self.last)

    @property
    def first(self) -> str:
        """The most common name."""
        return next(self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight."""
        return tuple(axis.size for axis in self.placed.weight.axes)

    def bytes(self) -> int:
        """Bytes of the tensor, where it is one of several."""
        assert self.piece is not None
        *leading, rows, columns = self.shape
        return prod(leading) * int(self.piece.bytes(rows, columns))


def _wanted(model: Model, by_expert: bool) -> Iterator[_Wanted]:
    """Every tensor of a checkpoint; experts one by one, or the first for all."""
    storage = model.storage
    projection = getattr(model.config, "projection", "Linear")
    for one in placed(model.tree, True, by_expert, projection):
        packing = storage.packing(one.site) if storage and one.name == "weight" and len(one.weight.axes) > 1 else None
        if packing is None:
            yield _Wanted(one, OF_WEIGHTS.get(one.name, one.name))
            continue
        for piece in packing.pieces:
            yield _Wanted(one, piece.name, piece, packing)


def _named(one: Placed, last: str) -> Iterator[str]:
    """What a tensor of a weight may be called, the most common name first; bitsandbytes writes ``.weight.absmax``."""
    for name in one.site.names:
        for end, other in OTHERWISE.items():
            if f"{name}.{last}".endswith(end) or name.endswith(end):
                yield f"{name}.{last}".replace(end, other).removeprefix("embed_tokens.")
        yield f"{name}.{last}"
    yield f"{one.site.names[0]}.weight.{last}"


def _checkpoint(file: WeightsFile, model: Model) -> Matched:
    free = {plain(tensor.name): tensor for tensor in file.tensors}
    by_expert = any(re.search(r"experts\.\d", name) for name in free)
    by_expert = by_expert and sum(one.copies for one in placed(model.tree)) <= MOST_WEIGHTS
    found = Matched(model)
    waiting = list(_wanted(model, by_expert))
    waiting = [one for one in waiting if not _direct(one, (one.first,), free, found)]
    waiting = [one for one in waiting if not _direct(one, one.names, free, found)]
    free = {common(name): tensor for name, tensor in free.items()}
    waiting = [one for one in waiting if not _direct(one, (common(one.first),), free, found)]
    waiting = list(_stacks(waiting, free, found)) if not by_expert else waiting
    waiting = [one for one in waiting if not one.placed.apart]
    found.missing = [one.first for one in waiting]
    found.lacking = sum(prod(one.shape) * (1 if by_expert else one.placed.copies) for one in waiting)
    return found


def _direct(one: _Wanted, names: Iterable[str], free: dict[str, StoredTensor], found: Matched) -> bool:
    """Whether a tensor of one of these names is there; it is taken."""
    tensor = next((free.pop(name) for name in names if name in free), None)
    if tensor is None:
        return False
    kind, shape = one.placed.node.kind, one.shape
    count = 0 if one.placed.weight.buffer else tensor.elements
    if one.piece is None:
        across = one.placed.site.sort == "conv1d" and _squeezed(tensor.shape) == _squeezed(reversed(shape))
        found.take(tensor, kind, shape, count, across or _squeezed(tensor.shape) == _squeezed(shape))
    else:
        unpacked = min(tensor.bytes * 8 // one.piece.bits, prod(shape)) if one.piece.part is Part.VALUES else 0
        found.take(tensor, kind, shape, unpacked, tensor.bytes == one.bytes())
    return True


def _stacks(waiting: list[_Wanted], free: dict[str, StoredTensor], found: Matched) -> Iterator[_Wanted]:
    """What is still missing once tensors that hold all experts of a layer are taken."""
    stacks: dict[str, list[_Wanted]] = {}
    for one in waiting:
        name = next((name for name in _stack_names(one) if name in free), None)
        if name is None:
            yield one
        else:
            stacks.setdefault(name, []).append(one)
    for name, several in stacks.items():
        _stacked(free.pop(name), several, found)


def _stack_names(one: _Wanted) -> Iterator[str]:
    """What a tensor may be called that holds a weight of all experts."""
    ends = BIASES if one.placed.name == "offset" else VALUES
    if one.piece is not None and one.piece.part is not Part.VALUES:
        ends = SCALES
    for name in one.placed.site.names:
        cut = re.fullmatch(r"(.*\.experts)\.\d+\.(\w+)", name)
        if cut is not None:
            yield from (f"{cut[1]}.{joined}{end}" for joined in STACKED.get(cut[2], ()) for end in ends)


def _stacked(tensor: StoredTensor, several: list[_Wanted], found: Matched) -> None:
    """Take a tensor that holds some weights of all experts of a layer."""
    counts = [one.placed.copies * prod(one.shape) for one in several]
    shape = (several[0].placed.copies, sum(one.shape[0] for one in several), *several[0].shape[1:])
    if several[0].piece is None:
        found.take(tensor, several[0].placed.node.kind, shape, tensor.elements, tensor.elements == sum(counts))
        return
    size = sum(one.placed.copies * one.bytes() for one in several)
    unpacked = tensor.bytes * 8 // several[0].piece.bits if several[0].piece.part is Part.VALUES else 0
    found.take(tensor, several[0].placed.node.kind, shape, unpacked, tensor.bytes == size)


def words(found: Matched) -> Iterator[str]:
    """What does not fit, in a few sentences."""
    names = [tensor.name for tensor in found.left]
    if found.missing and found.lacking == sum(tensor.elements for tensor in found.left):
        yield f"by names not known here, but of as many elements as the weights without a tensor: {_some(names)}"
    else:
        if found.missing:
            yield f"missing, though the architecture has them: {_some(found.missing)}"
        if found.left:
            size = sum(tensor.bytes for tensor in found.left)
            yield f"left over, of no weight of the architecture: {_some(names)}; {size:,} bytes"
    if found.aside:
        size = sum(tensor.bytes for tensor in found.aside)
        names = [tensor.name for tensor in found.aside]
        yield f"tables that are no weights, or repetitions: {_some(names)}; {size:,} bytes"
    if found.misshapen:
        tensor, shape = found.misshapen[0]
        seen, wanted = (" x ".join(f"{size:,}" for size in sizes) or "1" for sizes in (tensor.shape, shape))
        more = f", and {len(found.misshapen) - 1:,} more" if len(found.misshapen) > 1 else ""
        yield f"of another shape: {printable(tensor.name, 200)} has {seen}, the architecture {wanted}{more}"


def _some(names: list[str]) -> str:
    """Names with their numbers taken together, few of many."""
    patterns: dict[str, list[str]] = {}
    for name in names:
        patterns.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "N", name), []).append(name)
    few = list(patterns.items())[:4]
    shown = [f"{len(several):,} x {name}" if len(several) > 1 else several[0] for name, several in few]
    more = f" and {len(patterns) - 4:,} other names" if len(patterns) > 4 else ""
    return f"{len(names):,} tensor{'s' if len(names) != 1 else ''} ({printable(', '.join(shown), 400)}{more})"


def checked(file: WeightsFile, model: Model) -> Matched | None:
    """The comparison; ``None`` where the names of a model's tensors are not known."""
    try:
        return match(file, model)
    except InputError:
        return None
