"""How many parameters a model has, where they are, and how many bytes they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.arithmetic import Count, total
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.estimate.quantised import Checkpoint
from weighbridge.estimate.shown import Shown
from weighbridge.models import Model
from weighbridge.nn import Module
from weighbridge.traced import Label, Traced, named
from weighbridge.tree import Kind, Node, counted, met, placed, stored
from weighbridge.units import DATA_TYPES, DataType, data_type

if TYPE_CHECKING:
    from weighbridge.estimate.weights import WeightsReport

QUANTITIES = ("total", "active", "bytes", "embedding", "non_embedding", "prediction")
"""Figures that explain themselves."""

COMMON_TYPES = ("fp32", "bf16", "fp8", "int4")
"""Data types of the table of bytes."""


def parameters_of(node: Node) -> Count:
    """A node's own parameters; buffers are none."""
    return total(node.part(name, w.count) for name, w in node.weights.items() if not w.buffer)


def buffers_of(node: Node) -> Count:
    """Elements of a node's own buffers."""
    return total(weight.count for weight in node.weights.values() if weight.buffer)


def bytes_in(dtype: DataType, router: DataType) -> Callable[[Node], Count]:
    """A node's own bytes when the router has a data type of its own."""

    def own(node: Node) -> Count:
        types = {"model": dtype, "router": router, "adapter": dtype}
        kept = {name: w for name, w in node.weights.items() if not w.buffer}
        return total(node.part(name, types[w.role].bytes(w.count)) for name, w in kept.items())

    return own


@dataclass(frozen=True)
class ParameterReport(Shown):
    """Parameters of a model.

    Attributes:
        model: what was weighed.
        dtype: data type of the weights.
        router_dtype: data type of router weights; ``None`` for that of the other weights.
        as_published: the data type is the checkpoint's own, so that its quantisation counts.
        weights: what the headers of its weights say, or what a recipe makes of it; ``None`` where neither is given.
    """

    model: Model
    dtype: DataType
    router_dtype: DataType | None = None
    as_published: bool = False
    weights: WeightsReport | None = None

    @cached_property
    def tree(self) -> Node:
        """The folded module tree."""
        return self.model.tree

    @cached_property
    def total(self) -> Count:
        """All parameters, multi-token prediction apart."""
        return named(self.tree.sum(parameters_of, stored), Label("total_parameters", "parameters"))

    @cached_property
    def active(self) -> Count:
        """Parameters that one token meets: all but the experts that it is not routed to."""
        return named(self.tree.sum(parameters_of, met), Label("active_parameters", "parameters"))

    @cached_property
    def embedding(self) -> Count:
        """Parameters of token and position tables."""
        return named(self.by_kind.get(Kind.EMBEDDING, 0), Label("embedding_parameters", "parameters"))

    @property
    def non_embedding(self) -> Count:
        """All parameters but those of token and position tables (the head, where it is not tied, is in here)."""
        return self.total - self.embedding

    @cached_property
    def by_kind(self) -> dict[Kind, Count]:
        """Parameters by kind of module, in the fixed order of kinds; only kinds that there are."""
        nodes = list(self.tree.each(stored, counted))
        found = {kind: total(times * parameters_of(n) for n, times in nodes if n.kind is kind) for kind in Kind}
        return {kind: count for kind, count in found.items() if type(count) is not int or count}

    @cached_property
    def prediction(self) -> Count:
        """Parameters of multi-token prediction modules, which the total leaves out."""
        return total(n.times * n.sum(parameters_of, stored) for n in self.tree.children if n.apart)

    @cached_property
    def prediction_active(self) -> Count:
        """Parameters of multi-token prediction modules that one token meets."""
        return total(n.times * n.sum(parameters_of, met) for n in self.tree.children if n.apart)

    @cached_property
    def buffers(self) -> Count:
        """Elements stored with the model that are no parameters."""
        return self.tree.sum(buffers_of, stored)

    def bytes(self, dtype: DataType | str | None = None, router: DataType | str | None = None) -> Count:
        """Bytes of all parameters in a data type, routers in theirs; without scales of quantised formats."""
        weights = self.dtype if dtype is None else dtype if isinstance(dtype, DataType) else data_type(dtype)
        chosen = self.router_dtype or weights if router is None else router
        routers = chosen if isinstance(chosen, DataType) else data_type(chosen, "router")
        return self.tree.sum(bytes_in(weights, routers), stored, "bytes")

    @cached_property
    def bytes_by_type(self) -> dict[str, Count]:
        """Bytes of all parameters in common data types, routers in their own."""
        names = dict.fromkeys((self.dtype.name, *COMMON_TYPES))
        return {name: self.bytes(DATA_TYPES[name]) for name in names}

    @cached_property
    def checkpoint(self) -> Checkpoint | None:
        """The bytes of the quantised checkpoint that the configuration describes; ``None`` where it describes none, or
        where a data type was asked for."""
        if self.model.storage is None or not self.as_published:
            return None
        rest = self.model.storage.rest or self.dtype
        return Checkpoint(self.model, self.model.storage, rest, self.router_dtype or rest)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know."""
        stored = self.checkpoint.notes if self.checkpoint else ()
        return (*self.model.notes, *stored, *(self.weights.notes if self.weights else ()))

    def explained(self, quantity: str = "total") -> Any:
        """A figure as a traced number with its derivation.

        Args:
            quantity: one of :data:`QUANTITIES`; a kind of module ("kind experts"); one copy of a module, by its path in
                the tree ("each layers.attention"), or all its copies in the model ("all layers.attention").

        Raises:
            InputError: for another quantity, or for prediction where there is none.
        """
        if quantity == "prediction" and not self.prediction:
            raise InputError(f"quantity: {self.model.name} has no multi-token prediction to explain")
        traced = ParameterReport(Model.of(self.model.traced, self.model.name), self.dtype, self.router_dtype)
        if quantity == "bytes":
            router = f", router in {self.router_dtype.name}" if self.router_dtype else ""
            return named(traced.bytes(), Label("bytes", "bytes", f"in {self.dtype.name}{router}"))
        if quantity in QUANTITIES:
            return named(getattr(traced, quantity), Label(f"{quantity}_parameters", "parameters"))
        asked, _, name = quantity.partition(" ")
        if asked == "kind" and name in traced.by_kind:
            return named(traced.by_kind[Kind(name)], Label(f"{name.replace(' ', '_')}_parameters", "parameters"))
        return _of_module(traced, quantity)


def _of_module(traced: ParameterReport, wanted: str) -> Any:
    """Parameters of one copy of a module, or of all its copies in the model, with their derivation.

    Raises:
        InputError: for what is no module of the model.
    """
    found = {name: (node, times) for name, node, times in placed(traced.tree) if name}
    asked, _, path = wanted.partition(" ")
    if asked not in ("each", "all") or path not in found:
        kinds = [f"kind {kind}" for kind in traced.by_kind]
        known = (*QUANTITIES, *kinds, *(f"{word} {name}" for name in found for word in ("each", "all")))
        allowed = ", ".join((*QUANTITIES, *kinds, "each or all and the path of a module"))
        raise InputError(f"quantity: got {given(wanted)}; allowed: {allowed}{did_you_mean(wanted, known)}")
    node, times = found[path]
    each = node.sum(parameters_of, stored, "parameters")
    if asked == "all":
        return named(times * each, Label(f"all_{node.name}", "parameters"))
    return each if isinstance(each, Traced) and each.label else named(each, node.label("parameters", times))


def params(
    model: Model | Module | str | Path,
    dtype: str | None = None,
    router_dtype: str | None = None,
    gguf: str | None = None,
    headers: bool = False,
) -> ParameterReport:
    """Count a model's parameters.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes; of a
            file or folder of weights the headers are read too.
        dtype: data type of the weights; the configuration's own, else bf16. If given, how the checkpoint is quantised
            does not count.
        router_dtype: data type of router weights; that of the other weights if not given.
        gguf: a recipe of llama.cpp's quantiser, such as Q4_K_M: what file it makes of the model.
        headers: read the headers of a Hugging Face repository's weights.

    Raises:
        InputError: for an unknown data type or recipe; for weights of no architecture that is known
            (:func:`weighbridge.weights` weighs those).
    """
    loaded, report = _with_weights(model, headers)
    if gguf is not None:
        loaded, report = made(loaded, gguf)
    configured = getattr(loaded.config, "dtype", None)
    weights = data_type(configured or "bf16" if dtype is None else dtype)
    router = None if router_dtype is None else data_type(router_dtype, "router_dtype")
    return ParameterReport(loaded, weights, router, dtype is None, report)


def made(model: Model, recipe: str, imatrix: bool = False) -> tuple[Model, WeightsReport]:
    """A model stored as a recipe of llama.cpp's quantiser says, and the file.

    Args:
        model: the model.
        recipe: its name, such as Q4_K_M.
        imatrix: the quantiser is given an importance matrix; some recipes need one in any case.

    Raises:
        InputError: for an unknown recipe, or a model that llama.cpp has no architecture for here.
    """
    from weighbridge.estimate.weights import WeightsReport
    from weighbridge.formats.gguf.making import make
    from weighbridge.formats.gguf.storage import storage_of

    file = make(model, recipe, imatrix)
    stored = replace(model, storage=storage_of(file, model, f"GGUF, {recipe.upper()}"))
    return stored, WeightsReport(file, stored)


def _with_weights(model: Any, headers: bool) -> tuple[Model, WeightsReport | None]:
    """A loaded model, and the headers of its weights where a path of them, or ``headers``, was given."""
    if not isinstance(model, str | Path):
        return as_model(model), None
    from weighbridge.formats.weights.opening import opened

    found = opened(model, headers=headers)
    if found.model is None:
        raise InputError(f"{given(str(model))}: {found.why}")
    if found.weights is None:
        return found.model, None
    from weighbridge.estimate.weights import WeightsReport

    return found.model, WeightsReport(found.weights, found.model)


def as_model(model: Any) -> Model:
    """A loaded model of whatever was given."""
    if isinstance(model, Model):
        return model
    if isinstance(model, Module):
        return Model.of(model)  # type: ignore[arg-type]
    from weighbridge.formats import load

    return load(model)
