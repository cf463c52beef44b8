"""Symbolic tensors and the tape that a forward pass writes.

A tensor has a name, logical axes and a data type, but no values. Running a module's ``forward`` over symbolic tensors
records one :class:`Operation` each: what it reads, what it makes, what PyTorch keeps of it for the backward pass, and
its floating-point operations. Everything else (FLOPs, bytes moved, kept activations) is read off the tape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from weakref import ReferenceType, ref

from weighbridge.arithmetic import Count, product
from weighbridge.axes import SEQUENCE as SEQUENCE
from weighbridge.axes import STREAM as STREAM
from weighbridge.axes import TENSOR_PARALLEL as TENSOR_PARALLEL
from weighbridge.axes import WHERE_SPLIT as WHERE_SPLIT
from weighbridge.axes import Axis as Axis
from weighbridge.axes import Dimension as Dimension
from weighbridge.axes import Joined as Joined
from weighbridge.axes import renamed as renamed
from weighbridge.axes import splits as splits
from weighbridge.passes import Pass as Pass
from weighbridge.passes import Phase as Phase
from weighbridge.records import unchanged, unchanged_value
from weighbridge.traced import plain
from weighbridge.units import DataType, data_type


@dataclass(frozen=True, eq=False, slots=True)
class Weight:
    """A learned tensor (or a buffer) of a module.

    Attributes:
        axes: its dimensions, as PyTorch stores them.
        role: whose data type it takes: the model's ("model"), or the router's ("router").
        buffer: stored with the model but not a parameter (no gradient, not counted as one).
        frozen: a parameter that training leaves as it is: no gradient, no optimizer state.
        dtype: its own data type; ``None`` for the one of its role.
        packed: bytes of a matrix of so many rows and columns as it is stored, where it is quantised.
    """

    axes: tuple[Dimension, ...]
    role: str = "model"
    buffer: bool = False
    frozen: bool = False
    dtype: DataType | None = None
    packed: Callable[[Count, Count], Count] | None = None

    @property
    def trained(self) -> bool:
        """Whether training changes it."""
        return not (self.buffer or self.frozen)

    @property
    def count(self) -> Count:
        """Number of elements."""
        return product(axis.size for axis in self.axes)


class Use(StrEnum):
    """What a tensor takes memory for: the line of the ledger that it stands in."""

    ACTIVATION = "activations"
    LOGITS = "logits and loss"
    WORKSPACE = "workspace"
    COMMUNICATION = "communication"
    OUTSIDE = "outside the allocator"
    """It stands in memory that a library took once for all, or that something else keeps, and in no line."""


@unchanged
class Tensor:
    """A symbolic activation: a name, axes and a data type, no values. Identity is what tells two tensors apart.

    Attributes:
        name: what it holds.
        axes: its dimensions.
        dtype: its data type.
        owner: the record of the pass that it belongs to. Tensors only look back at it, so that nobody has to search for
            what is left of a pass that is done with.
        base: the tensor that it is a view of, if it is one.
        use: the line of the ledger that it stands in.
    """

    name: str
    axes: tuple[Dimension, ...]
    dtype: DataType
    owner: ReferenceType[Tape] = field(repr=False)
    base: Tensor | None = field(default=None, repr=False)
    use: Use = Use.ACTIVATION

    @property
    def tape(self) -> Tape:
        """The record of the pass that it belongs to, which stands as long as somebody holds it.

        Raises:
            ReferenceError: if nobody does.
        """
        tape = self.owner()
        if tape is None:
            raise ReferenceError(self.name)
        return tape

    @property
    def storage(self) -> Tensor:
        """The tensor whose memory this one looks into: its own, unless it is a view."""
        return self if self.base is None else self.base.storage

    @property
    def count(self) -> Count:
        """Number of elements."""
        return product(axis.size for axis in self.axes)

    @property
    def bytes(self) -> Count:
        """Bytes of its values."""
        return self.dtype.bytes(self.count)

    @property
    def rows(self) -> Count:
        """Elements along all axes but the last: the rows of the matrix that a projection multiplies."""
        return product(axis.size for axis in self.axes[:-1])


@unchanged_value
class Work:
    """Floating-point operations of one operation, forward and backward (a multiply-add is two)."""

    forward: Count = 0
    backward: Count = 0


NO_WORK = Work()
"""Of what only moves."""


@unchanged
class Operation:
    """One record of the tape.

    Attributes:
        name: what is done ("matmul", "attention", "norm" ...).
        scope: the modules that were running, outermost first.
        reads: tensors and weights that it reads.
        makes: tensors that it makes.
        keeps: tensors that stay for the backward pass; the same tensor kept twice is stored once.
        work: its floating-point operations, masked work left out.
        counted: what a named counting convention makes of it, where that differs.
        scratch: what stands only while it runs forward.
        scratch_backward: what stands only while it runs backward.
        shares_gradient: inputs whose gradient is the result's own, not a copy (sums, reshapes).
        buffered: what goes through a buffer that stays, as large as the largest that ever went through it.
        retains: what its module refers to until it runs again.
        cached: copies of weights that stand until the forward pass ends, be they kept for the backward pass or not.
        stores: what stays for the tokens that come next: keys and values, states of recurrences.
        frozen: no gradient passes through it: it keeps nothing and does nothing backward.
    """

    name: str
    scope: tuple[Any, ...]
    reads: tuple[Tensor | Weight, ...]
    makes: tuple[Tensor, ...]
    keeps: tuple[Tensor, ...]
    work: Work
    counted: Mapping[str, Work]
    scratch: tuple[Tensor, ...] = ()
    scratch_backward: tuple[Tensor, ...] = ()
    shares_gradient: tuple[Tensor, ...] = ()
    buffered: tuple[Tensor, ...] = ()
    retains: tuple[Tensor, ...] = ()
    cached: tuple[Tensor, ...] = ()
    stores: tuple[Tensor, ...] = ()
    frozen: bool = False

    @property
    def path(self) -> tuple[int, ...]:
        """Ids of the modules that were running: the path of a node of the model's tree."""
        return tuple(map(id, self.scope))

    def flops(self, convention: str) -> Work:
        """Its floating-point operations as a convention counts them."""
        return self.counted.get(convention, self.work)


@dataclass(frozen=True, eq=False, slots=True)
class Span:
    """Operations recorded once that run several times, one after another: equal layers.

    Attributes:
        start, end: index of the first operation, and after the last.
        count: how often they run.
        carried: what comes in; what the span makes last goes into the next run.
        module: what repeats.
    """

    start: int
    end: int
    count: Count
    carried: Tensor
    module: Any = None


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """Operations that a plan may choose to run again in the backward pass instead of keeping what they keep.

    Attributes:
        name: what frameworks call it ("core_attn", "mlp", "moe_act" ...).
        start, end: index of the first operation, and after the last.
    """

    name: str
    start: int
    end: int


@dataclass(eq=False, slots=True)
class Inside:
    """While a module runs. A pass enters hundreds; context managers of functions would take twice the time."""

    scope: list[Any]
    module: Any

    def __enter__(self) -> None:
        self.scope.append(self.module)

    def __exit__(self, *raised: object) -> None:
        self.scope.pop()


@dataclass(eq=False, slots=True)
class Recording:
    """While a segment is recorded."""

    tape: Tape
    name: str
    start: int = 0

    def __enter__(self) -> None:
        self.start = len(self.tape.operations)

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        if kind is None:
            self.tape.segments.append(Segment(self.name, self.start, len(self.tape.operations)))


@dataclass(eq=False)
class Tape:
    """The record of one forward pass.

    Attributes:
        run: what was run.
        operations: what was done, in order.
        spans: which operations run several times; spans do not nest.
        segments: which operations can be recomputed under a name.
        tables: what all layers share, made before the first.
        lowered: tensors with their copies in the type that projections multiply in.
        remade: storages that are made again backward in memory that is there (Unsloth, kernels/fast_lora.py).
        partial: some weights are frozen, so that only what comes after trained ones has a gradient.
        dtype: data type of activations.
        reference: what tensors know of it.
    """

    run: Pass
    operations: list[Operation] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    tables: dict[tuple[str, str, DataType], Tensor] = field(default_factory=dict)
    lowered: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    remade: set[int] = field(default_factory=set)
    partial: bool = False
    _live: set[int] = field(default_factory=set)
    _scope: list[Any] = field(default_factory=list)
    _frozen: bool = False
    dtype: DataType = field(init=False)
    reference: ReferenceType[Tape] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.reference = ref(self)
        self.dtype = data_type(self.run.dtype)

    def inside(self, module: Any) -> Inside:
        """Record what follows as done by ``module``."""
        return Inside(self._scope, module)

    @contextmanager
    def repeated(self, count: Count, carried: Tensor, module: Any = None) -> Iterator[None]:
        """Record what follows as running ``count`` times, on ``carried`` first and on its own result after."""
        start = len(self.operations)
        yield
        self.spans.append(Span(start, len(self.operations), count, carried, module))

    def segment(self, name: str) -> Recording:
        """Record what follows as one segment that a plan may recompute by that name."""
        return Recording(self, name)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Record what follows as what no gradient passes through (``torch.no_grad``)."""
        before, self._frozen = self._frozen, True
        yield
        self._frozen = before

    def tensor(
        self,
        name: str,
        *axes: Dimension,
        dtype: DataType | None = None,
        base: Tensor | None = None,
        use: Use = Use.ACTIVATION,
    ) -> Tensor:
        """A new symbolic tensor, of the pass's data type unless another is given."""
        return Tensor(name, axes, dtype or self.dtype, self.reference, base, use)

    def table(self, name: str, *axes: Dimension, dtype: DataType | None = None, use: Use = Use.ACTIVATION) -> Tensor:
        """A tensor that is made once for all layers: the same one at every call with the same name and size."""
        sizes = "x".join(str(plain(axis.size)) for axis in axes)  # arrays have no hash
        key = (name, sizes, dtype or self.dtype)
        if key not in self.tables:
            self.tables[key] = self.tensor(name, *axes, dtype=dtype, use=use)
        return self.tables[key]

    def needs(self, read: Tensor | Weight) -> bool:
        """Whether a gradient of it is computed (``requires_grad``)."""
        if isinstance(read, Weight):
            return read.trained
        return not self.partial or id(read.storage) in self._live

    def wake(self, tensor: Tensor) -> None:
        """Have a gradient of a tensor computed although no trained weight stands before it."""
        self._live.add(id(tensor.storage))

    def store(self, *tensors: Tensor) -> None:
        """Have the cache of text generation hold these after the pass."""
        if self.run.phase is not Phase.TRAIN:
            self.record("store", (), (), stores=tensors)

    def record(
        self,
        name: str,
        reads: tuple[Tensor | Weight, ...],
        makes: tuple[Tensor, ...],
        keeps: tuple[Tensor, ...] = (),
        work: Work = NO_WORK,
        counted: Mapping[str, Work] | None = None,
        **memory: tuple[Tensor, ...],
    ) -> None:
        """Append one operation under the modules that are running; ``memory`` holds further fields of it."""
        scope, counted = tuple(self._scope), counted or {}
        frozen = self._frozen or (self.partial and not any(map(self.needs, reads)))
        if self.partial and not frozen:
            self._live |= {id(made.storage) for made in makes if made.dtype.differentiable}
        if frozen:
            keeps, work = (), Work(work.forward)
            counted = {convention: Work(own.forward) for convention, own in counted.items()}
            memory = {name: found for name, found in memory.items() if name != "scratch_backward"}
        self.operations.append(Operation(name, scope, reads, makes, keeps, work, counted, frozen=frozen, **memory))
