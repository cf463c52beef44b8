"""What the headers of weights in files say: tensors with their names, types, shapes and bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from weighbridge.tree import Kind
from weighbridge.units import DataType


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        name: as the file calls it.
        dtype: what its elements are stored in.
        shape: sizes as PyTorch orders them, rows before columns, in GGUF files too.
        bytes: of its data.
    """

    name: str
    dtype: DataType
    shape: tuple[int, ...]
    bytes: int

    @property
    def elements(self) -> int:
        """Elements as the file counts them; several parameters may be packed into one."""
        found = 1
        for size in self.shape:
            found *= size
        return found

    @property
    def kind(self) -> Kind:
        """What its module is for, by its name."""
        return kind_of(self.name)


@dataclass(frozen=True)
class WeightsFile:
    """Weights as the headers of their files describe them.

    Attributes:
        name: of the file, the folder or the repository.
        form: "safetensors" or "gguf".
        tensors: all of them, in the order of the files.
        files: how many files they stand in.
        header: bytes of headers.
        size: bytes of all files.
        metadata: of a GGUF file: what its header says beside tensors; of long arrays, only the length.
        notes: what the reader should know.
        estimated: nobody read it: it is what a recipe makes, and ``header`` is estimated.
    """

    name: str
    form: str
    tensors: tuple[StoredTensor, ...]
    files: int
    header: int
    size: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    estimated: bool = False

    @cached_property
    def bytes(self) -> int:
        """Bytes of all tensors, without headers and padding."""
        return sum(tensor.bytes for tensor in self.tensors)

    @cached_property
    def elements(self) -> int:
        """Elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @cached_property
    def by_type(self) -> dict[str, tuple[StoredTensor, ...]]:
        """Tensors by data type, the type with most bytes first."""
        found: dict[str, list[StoredTensor]] = {}
        for tensor in self.tensors:
            found.setdefault(tensor.dtype.name, []).append(tensor)
        ordered = sorted(found.items(), key=lambda item: -sum(tensor.bytes for tensor in item[1]))
        return {name: tuple(tensors) for name, tensors in ordered}

    @cached_property
    def by_kind(self) -> dict[Kind, int]:
        """Bytes by kind of module, told by the tensors' names; only kinds that there are."""
        found = dict.fromkeys(Kind, 0)
        for tensor in self.tensors:
            found[tensor.kind] += tensor.bytes
        return {kind: size for kind, size in found.items() if size}


KINDS: tuple[tuple[Kind, str], ...] = (
    (Kind.VISION, r"(^|\.)(vision\w*|visual|vit|v|mm|multi_modal_projector|image_newline)\."),
    (
        Kind.ROUTER,
        r"ffn_gate_inp|exp_probs_b|\.router\b|(mlp|moe|block_sparse_moe|feed_forward|mixer)\.gate\.|expert_gate\b",
    ),
    (Kind.NORM, r"norm|\bln_|\bln\d?\b"),
    (Kind.EXPERTS, r"expert|_exps\b|_shexp\b"),
    (Kind.HEAD, r"lm_head|^output\.|embed_out"),
    (Kind.EMBEDDING, r"embed|wte|wpe|token_embd|position_embd"),
    (Kind.STATE_SPACE, r"mamba|ssm|mixer"),
    (Kind.LINEAR_ATTENTION, r"linear_attn"),
    (Kind.ATTENTION, r"attn|attention"),
    (Kind.MLP, r"mlp|ffn|feed_forward|fc\d?\b"),
)
"""Words in the names of tensors, the first that is found telling what a module is for."""

_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in KINDS)


def kind_of(name: str) -> Kind:
    """What the module of a tensor is for, by the tensor's name in a checkpoint or a GGUF file."""
    return next((kind for kind, pattern in _COMPILED if pattern.search(name)), Kind.OTHER)
