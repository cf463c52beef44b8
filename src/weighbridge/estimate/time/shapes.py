"""The geometry of operations on one rank: matrices, heads, bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count, ceil_div, exact_div, product, total
from weighbridge.estimate.training import Training
from weighbridge.kernels import Experts
from weighbridge.nn.module import Module, Repeat
from weighbridge.tape import SEQUENCE, STREAM, Axis, Dimension, Operation, Tensor, Weight, renamed, splits
from weighbridge.traced import plain
from weighbridge.tree import Kind

TYPES = {"fp8": "fp8", "fp8_blocks": "fp8", "mxfp8": "fp8", "nvfp4": "fp4", "int8": "int8"}
"""The rate by which projections multiply inputs that are stored in a type."""


def kind_of(operation: Operation) -> Kind:
    """What the module of an operation is for: that of the nearest one that says."""
    kinds = [module.kind for module in operation.scope if isinstance(module, Module) and module.kind is not None]
    return kinds[-1] if kinds else Kind.OTHER


@dataclass(frozen=True, eq=False)
class Projection:
    """Multiplies by weights that one input has, as one multiply on one rank.

    Attributes:
        training: the step.
        operations: one, or those that the framework joins.
    """

    training: Training
    operations: tuple[Operation, ...]

    @property
    def first(self) -> Operation:
        """The first of them."""
        return self.operations[0]

    @property
    def input(self) -> Tensor:
        """What they read."""
        found = self.first.reads[0]
        assert isinstance(found, Tensor)
        return found

    @cached_property
    def weights(self) -> list[Weight]:
        """Their matrices."""
        reads = (read for operation in self.operations for read in operation.reads)
        return [read for read in reads if isinstance(read, Weight) and len(read.axes) > 1]

    @property
    def trained(self) -> bool:
        """Gradients of their matrices are computed."""
        return not self.weights or any(weight.trained for weight in self.weights)

    @property
    def written_out(self) -> Count:
        """Bytes that move where packed weights are read and written out in the type of activations; 0 for others."""
        plan = self.training.plan
        found: list[Count] = []
        for weight in self.weights:
            if weight.packed is not None:
                *leading, rows, columns = (plan.sharding.local(axis) for axis in weight.axes)
                whole = plan.precision.compute.bytes(rows * columns)
                found.append(self.products * product(leading) * (weight.packed(rows, columns) + whole))
        return total(found)

    @property
    def biased(self) -> bool:
        """They add a bias."""
        reads = (read for operation in self.operations for read in operation.reads)
        return any(isinstance(read, Weight) and len(read.axes) == 1 and read.trained for read in reads)

    @property
    def applies_bias(self) -> bool:
        """Their bias is added operation by operation: that of an expert's last multiply (Megatron-Core)."""
        last = self.matrices[0][1].name == "expert_ffn"
        return last and self.biased and self.training.kernels.experts is Experts.MEGATRON

    @property
    def kind(self) -> Kind:
        """What their module is for."""
        return kind_of(self.first)

    @cached_property
    def matrices(self) -> list[tuple[Dimension, ...]]:
        """The axes of their matrices: of the results and of the input. A tied matrix is another module's."""
        own = [weight.axes for weight in self.weights]
        return own or [(self.first.makes[0].axes[-1], self.input.axes[-1])]

    @property
    def splits_out(self) -> bool:
        """Tensor parallel ranks share the results' columns."""
        return splits(self.matrices[0][0])

    @property
    def splits_columns(self) -> bool:
        """Tensor parallel ranks share the input's columns."""
        return splits(self.matrices[0][1])

    @property
    def routed(self) -> bool:
        """They are experts'."""
        return any(axis.name == "expert_ffn" for axes in self.matrices for axis in axes)

    @cached_property
    def products(self) -> Count:
        """Equal multiplies that run as one: a rank's experts."""
        together = [m for m in self.first.scope if isinstance(m, Repeat) and m.together]
        return product(exact_div(module.count, self.training.plan.expert) for module in together)

    @property
    def apart(self) -> bool:
        """Each of the products is a kernel of its own: Transformer Engine's grouped multiply runs one per expert, in
        turns on several streams (pytorch/cpp_extensions/gemm.py, general_grouped_gemm; they take as long as one after
        another: MooreThreads/SimuMax, configs/system/b200_bf16_ceperm.json, group_matmul).
        """
        return self.training.kernels.experts is Experts.MEGATRON and plain(self.products) > 1

    @cached_property
    def rows(self) -> Count:
        """Rows of each multiply, of a split sequence all that is gathered."""
        axes = self.input.axes[:-1]
        axes = renamed(axes, SEQUENCE) if self.splits_out else axes
        return ceil_div(product(self.training.plan.sharding.local(axis) for axis in axes), self.products)

    @cached_property
    def columns(self) -> Count:
        """Columns of the result."""
        return total(self.training.plan.sharding.share(axes[0]) for axes in self.matrices)

    @cached_property
    def depth(self) -> Count:
        """What is summed over."""
        return self.training.plan.sharding.share(self.matrices[0][1])

    @cached_property
    def precision(self) -> str:
        """The rate by which they multiply. What is not Transformer Engine casts to 8 bits itself (torchao, float8: all
        linear modules but the head).
        """
        plan, stored = self.training.plan, self.input.dtype.name
        if stored in TYPES:
            return TYPES[stored]
        casts = plan.precision.recipe is not None and not plan.framework.transformer_engine
        if casts and self.kind not in (Kind.HEAD, Kind.ROUTER):
            return "fp8"
        autocast = self.training.kernels.autocast
        return plan.precision.compute.name if autocast else stored

    @property
    def gathers(self) -> bool:
        """Its input is a share of the sequence, and all of it is gathered first."""
        return self.splits_out and self.training.work.gathers and _split(self.input)

    @property
    def whole_input(self) -> Count:
        """Bytes of all of its input."""
        return self.input.dtype.bytes(self.rows * self.products * self.depth)

    @cached_property
    def whole_result(self) -> Count:
        """Bytes of all of its result."""
        made = self.first.makes[0]
        return made.dtype.bytes(self.rows * self.products * self.columns)

    @property
    def elements(self) -> Count:
        """A rank's elements of its weights."""
        return self.products * self.columns * self.depth


def _split(x: Tensor) -> bool:
    return any(isinstance(axis, Axis) and axis.name == STREAM for axis in x.axes)


def joined(training: Training, operations: Iterable[Operation]) -> list[Projection | Operation]:
    """Operations in order; multiplies of one module that read the same input are one where the framework joins them (q,
    k and v; gate and up), and stand where the first of them stands.
    """
    kernels = training.kernels
    groups: dict[tuple[int, ...], list[Operation]] = {}
    found: list[list[Operation]] = []
    for operation in operations:
        weights = [read for read in operation.reads if isinstance(read, Weight)]
        if operation.name != "matmul" or not weights:
            found.append([operation])
            continue
        joins = (kernels.fuses_projections or kernels.joins_qkv) and not operation.frozen
        owner = id(operation.scope[-2] if len(operation.scope) > 1 else None)
        key = (id(operation.reads[0]), owner) if joins and splits(weights[0].axes[0]) else (id(operation),)
        if key not in groups:
            groups[key] = []
            found.append(groups[key])
        groups[key].append(operation)
    return [
        Projection(training, tuple(own)) if own[0].name == "matmul" and _multiplies(own[0]) else own[0] for own in found
    ]


def _multiplies(operation: Operation) -> bool:
    weights = [read for read in operation.reads if isinstance(read, Weight)]
    return not weights or any(len(weight.axes) > 1 for weight in weights)


@dataclass(frozen=True, eq=False)
class Heads:
    """Attention on one rank.

    Attributes:
        training: the step.
        operation: core attention.
    """

    training: Training
    operation: Operation

    @cached_property
    def shape(self) -> tuple[Count, ...]:
        """Sequences, query heads, key/value heads, queries, keys, size of a query head, size of a value head."""
        plan, work = self.training.plan, self.training.work
        q, k = self.operation.reads[0], self.operation.reads[1]
        out = self.operation.makes[0]
        assert isinstance(q, Tensor)
        assert isinstance(k, Tensor)
        heads, own, made = q.axes[-1], k.axes[-1], out.axes[-1]
        assert isinstance(heads, Axis)
        assert isinstance(own, Axis)
        assert isinstance(made, Axis)
        local = plan.sharding.units(heads)
        keys = minimum_heads(plan.sharding.units(own) if own.name != "rope" else local, local)
        queries = ceil_div(work.sequence, plan.context)
        return work.batch, local, keys, queries, work.positions, heads.width, made.width

    @cached_property
    def pairs(self) -> Count:
        """Scores of one head and sequence on one rank; context parallel ranks have equal shares of them (Megatron-Core
        gives each a piece from the beginning and one from the end).
        """
        heads, made = self.operation.reads[0], self.operation.makes[0].axes[-1]
        assert isinstance(heads, Tensor)
        assert isinstance(made, Axis)
        width = heads.axes[-1]
        assert isinstance(width, Axis)
        per_pair = 2 * self.training.work.batch * width.units * (width.width + made.width)
        return ceil_div(self.operation.work.forward, per_pair * self.training.plan.context)

    @property
    def repeated(self) -> Count:
        """Query heads of each key head, on one rank."""
        _, heads, keys, *_ = self.shape
        return exact_div(heads, keys)

    @property
    def work(self) -> Count:
        """Floating-point operations of a rank's forward pass."""
        batch, heads, *_, qk_width, v_width = self.shape
        return 2 * batch * heads * (qk_width + v_width) * self.pairs

    @property
    def keys_and_values(self) -> Count:
        """A rank's bytes of keys and values."""
        return total(self.training.size(tensor) for tensor in self.operation.reads[1:3] if isinstance(tensor, Tensor))


def minimum_heads(own: Count, heads: Count) -> Count:
    """Key/value heads of a rank: no more than its query heads."""
    return own if plain(own) <= plain(heads) else heads
