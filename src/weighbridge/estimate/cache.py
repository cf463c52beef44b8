"""What text generation keeps between tokens: keys and values, compressed latents, states of recurrences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count, total
from weighbridge.estimate.compute import FlopReport, check_count, check_length, forward_pass
from weighbridge.estimate.parameters import as_model
from weighbridge.models import Model
from weighbridge.nn import Module
from weighbridge.tape import Pass, Phase, Tensor
from weighbridge.traced import Label, named, plain, symbol
from weighbridge.tree import Node, every, run
from weighbridge.units import data_type


@dataclass(frozen=True)
class CacheReport:
    """The cache of a model after so many tokens.

    Attributes:
        model: what generates.
        work: the pass after which it is weighed.
        size: bytes of what is stored, in the data type of activations; its own bytes if ``None``.
    """

    model: Model
    work: Pass
    size: Callable[[Tensor], Count] | None = None

    @cached_property
    def _report(self) -> FlopReport:
        return FlopReport(self.model, self.work)

    def own(self, node: Node) -> Count:
        """Bytes that a node's own operations store, in the place where it stands."""
        stored = (tensor for operation in self._report.ran(node) for tensor in operation.stores)
        size = self.size or (lambda tensor: tensor.bytes)
        return total(node.part(tensor.name, size(tensor)) for tensor in stored)

    @cached_property
    def bytes(self) -> Count:
        """Bytes of the whole cache, all sequences together."""
        return named(self.model.tree.sum(self.own, run, "bytes", include=every), Label("cache_bytes", "bytes"))

    @cached_property
    def per_token(self) -> Count:
        """Bytes by which one more token of every sequence makes it larger."""
        longer = replace(self, work=replace(self.work, sequence=self.work.sequence + 1))
        return longer.bytes - self.bytes

    def explained(self) -> Any:
        """Bytes of the whole cache as a traced number with its derivation, from the sizes and the number of tokens."""
        tokens = symbol("tokens", plain(self.work.sequence))
        traced = Model.of(self.model.traced, self.model.name)
        return CacheReport(traced, replace(self.work, sequence=tokens), self.size).bytes


def cache(model: Model | Module | str, tokens: Count, batch: Count = 1, dtype: str = "bf16") -> CacheReport:
    """Weigh the cache that a model holds after ``tokens`` positions of each sequence: what ``transformers`` holds of a
    window is one position less than the window, because the token that comes next sees itself too.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        tokens: positions of each sequence.
        batch: sequences side by side.
        dtype: data type of keys and values; states of recurrences have their own where they are kept in fp32.

    Raises:
        InputError: for counts below 1, more tokens than learned positions, or an unknown data type.
    """
    loaded = as_model(model)
    for name, value in (("tokens", tokens), ("batch", batch)):
        check_count(name, value)
    check_length(loaded, tokens)
    work = forward_pass(tokens, batch, phase=Phase.PREFILL)
    return CacheReport(loaded, replace(work, dtype=data_type(dtype).name))
