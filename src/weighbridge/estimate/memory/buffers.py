"""What libraries and the framework itself hold on the device besides a model's own tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from weighbridge.arithmetic import Count, maximum, total
from weighbridge.estimate.memory import graphs
from weighbridge.estimate.memory.allocator import block
from weighbridge.estimate.memory.dispatching import dispatching
from weighbridge.estimate.memory.outside import outside
from weighbridge.kernels import Experts
from weighbridge.nn import Linear
from weighbridge.parallel.zero import Engine
from weighbridge.tape import Operation, Weight, splits
from weighbridge.traced import Label, named, plain, same_kind

if TYPE_CHECKING:
    from weighbridge.estimate.memory.stage import Stage

HANDLES = 2
"""cuBLAS handles of a training process: that of the thread which runs forward, and that of autograd's thread."""

GROUPED_STREAMS = 4
"""Streams of Transformer Engine's grouped multiplies, each with a workspace (pytorch/cpp_extensions/gemm.py)."""

OVERLAP_STREAMS = 3
"""Streams on which Transformer Engine overlaps tensor parallel communication (pytorch/module/base.py)."""


@dataclass(frozen=True, eq=False)
class Buffers:
    """Long-lived buffers of one rank of Megatron-Core, and the libraries' workspaces of any framework.

    Attributes:
        stage: the rank's pipeline stage.
    """

    stage: Stage

    @cached_property
    def workspaces(self) -> Count:
        """Bytes of matrix-multiply workspaces: PyTorch's per handle, and Transformer Engine's own."""
        cluster, plan = self.stage.training.cluster, self.stage.training.plan
        if cluster is None:
            return 0
        own = cluster.device.cublas_workspace_bytes if plan.cublas_workspace is None else plan.cublas_workspace
        cublas = self._leaf(own, "cublas_workspace")
        engine = self._leaf(cluster.device.transformer_engine_workspace_bytes, "transformer_engine_workspace")
        of_engine = f", and {self._engines()} of Transformer Engine" if self._engines() else ""
        note = f"{HANDLES} of cuBLAS, for the threads that run forward and backward{of_engine}"
        source = "pytorch, aten/src/ATen/cuda/CublasHandlePool.cpp; TransformerEngine, pytorch/cpp_extensions/gemm.py"
        label = Label("library_workspaces", "bytes", note, source)
        return named(HANDLES * cublas + self._engines() * engine, label)

    def _engines(self) -> int:
        """Transformer Engine's workspaces: one, and more where experts or communication have streams of their own.

        Megatron-Core's router multiplies with Transformer Engine under local layers too (moe_utils.py,
        RouterGatingLinearFunction).
        """
        plan, routed = self.stage.training.plan, bool(self._named("permute"))
        engine = plan.framework.transformer_engine
        if not engine:
            return int(routed and plan.zero.engine is Engine.MEGATRON and plan.kernels.experts is Experts.MEGATRON)
        grouped = GROUPED_STREAMS if routed and plan.kernels.routing.grouped else 0
        return 1 + grouped + (OVERLAP_STREAMS if plan.overlaps_tensor else 0)

    @cached_property
    def gathered(self) -> Count:
        """Bytes of the largest tensor that goes through the buffer that stays (megatron/core/utils.py,
        GlobalMemoryBuffer): scores of local layers, the head's gathered input, what the all-gather dispatcher gathers.
        """
        largest: Count = 0
        for operation, _ in self._operations():
            for tensor in operation.buffered:
                largest = maximum(largest, self.stage.training.size(tensor))
        label = Label(
            "global_memory_buffer", "bytes", "the largest tensor that goes through it", "megatron/core/utils.py"
        )
        return named(self._block(largest), label)

    @cached_property
    def last_input(self) -> Count:
        """Bytes of the last micro-batch's input and of its gradient, which a chunk of a pipeline refers to until its
        next input arrives (pipeline_parallel/schedules.py, backward_step).
        """
        training = self.stage.training
        carried = [runs[0].weighed.piece.carried for runs in self.stage.runs if runs]
        inputs = [tensor for tensor in carried if tensor is not None]
        piped = training.plan.pipeline > 1 and training.plan.zero.engine is Engine.MEGATRON
        label = Label("last_input", "bytes", "the last micro-batch's input, and its gradient")
        return named(2 * self._block(training.size(inputs[0])), label) if piped and inputs else 0

    @cached_property
    def retained(self) -> Count:
        """Bytes of the last micro-batch that modules refer to until they run again: each chunk's input and its
        gradient, dispatchers' maps, tables of positions.

        They stand between steps only: at the highest moment their place is taken by tensors of the ledger.
        """
        training, stage = self.stage.training, self.stage
        if training.plan.zero.engine is not Engine.MEGATRON:
            return 0
        held = len(stage.runs) * self.last_input
        maps = [(tensor, times) for operation, times in self._operations() for tensor in operation.retains]
        held = held + total(times * self._block(training.size(tensor)) for tensor, times in maps)
        return held + total(self._block(training.size(table)) for table in training.tape.tables.values())

    @cached_property
    def graphs(self) -> Count:
        """Bytes of CUDA graphs' copies of inputs and gradients, which stand once there are graphs."""
        return graphs.static(self.stage)

    @cached_property
    def weight_gradients(self) -> Count:
        """Bytes of the dummy gradient of every distinct shape of weight, which multiplies that add to the gradient
        buffer themselves hand to autograd (Transformer Engine, pytorch/module/base.py, get_dummy_wgrad; Megatron-Core,
        tensor_parallel/layers.py).
        """
        plan = self.stage.training.plan
        if not plan.accumulation_fusion or plan.zero.engine is not Engine.MEGATRON:
            return 0
        shapes: dict[tuple[Any, ...], Count] = {}
        for group in self._projections():
            weights = [w for o in group for w in o.reads if isinstance(w, Weight) and len(w.axes) > 1 and w.trained]
            if weights and weights[0].role == "model":
                columns = plain(plan.sharding.local(weights[0].axes[-1]))
                count = total(plan.sharding.count(weight) for weight in weights)
                shapes[plain(count), columns] = count
        each = [
            self._dummy(number, plan.precision.compute.bytes(count), columns, plain(count))
            for number, ((_, columns), count) in enumerate(shapes.items(), 1)
        ]
        source = "TransformerEngine, pytorch/module/base.py, get_dummy_wgrad"
        return named(total(each), Label("dummy_gradients", "bytes", "one for every shape of weight", source))

    def _dummy(self, number: int, bytes: Count, columns: int, elements: int) -> Count:
        """The dummy gradient of a shape."""
        shape = f"{elements // max(columns, 1):,} x {columns:,}"
        return named(self._block(bytes), Label(f"dummy_gradient_{number}", "bytes", shape))

    @cached_property
    def low_weights(self) -> Count:
        """Bytes of weights in the type that projections multiply in, by rows and, unless the device multiplies them in
        any layout, by columns; kept from micro-batch to micro-batch (Transformer Engine, pytorch/module/base.py,
        get_weight_workspace). None where the weights themselves are stored so.
        """
        training = self.stage.training
        inputs = training.kernels.inputs
        if inputs is None or training.plan.precision.parameters_in_fp8:
            return 0
        matrices = (h for h in self.stage.states.held if isinstance(h.node.module, Linear) and len(h.weight.axes) > 1)
        layouts = 2 if training.kernels.transposes else 1
        each = (layouts * inputs.bytes(h.copies * training.plan.sharding.count(h.weight)) for h in matrices)
        source = "TransformerEngine, pytorch/module/base.py, get_weight_workspace"
        label = Label(
            "low_precision_weights",
            "bytes",
            f"in {inputs.name}, by rows{' and by columns' if layouts > 1 else ''}",
            source,
        )
        return named(total(each), label)

    def _leaf(self, value: int, name: str) -> Count:
        """A number of the device, with a name where a derivation is asked for."""
        return same_kind(value, name, self.stage.training.plan.micro_batch)

    def _block(self, bytes: Count) -> Count:
        """What the allocator counts for a buffer."""
        return block(bytes, self.stage.training.plan.expandable_segments)

    def _projections(self) -> list[list[Operation]]:
        """Multiplies of the stage; those of one module that read the same input are one where the framework joins them
        (q, k and v; gate and up).
        """
        joins = self.stage.training.kernels.fuses_projections
        groups: dict[tuple[int, ...], list[Operation]] = {}
        for operation in {id(operation): operation for operation, _ in self._named("matmul")}.values():
            split = [w for w in operation.reads if isinstance(w, Weight) and splits(w.axes[0])]
            own = (id(operation.reads[0]), id(operation.scope[-2] if len(operation.scope) > 1 else None))
            groups.setdefault(own if joins and split else (id(operation),), []).append(operation)
        return list(groups.values())

    def _operations(self) -> list[tuple[Operation, Count]]:
        """What the stage runs, and how often per micro-batch."""
        runs = (run for chunk in self.stage.runs for run in chunk)
        return [(operation, run.count) for run in runs for operation in run.weighed.piece.operations]

    def _named(self, name: str) -> list[tuple[Operation, Count]]:
        return [(operation, count) for operation, count in self._operations() if operation.name == name]

    @cached_property
    def outside(self) -> Count:
        """Bytes outside PyTorch's allocator: CUDA context, loaded kernels, communicators, libraries' own buffers."""
        training, first = self.stage.training, self.stage.training.stages[0]
        plan, cluster = training.plan, training.cluster
        if cluster is None:
            return 0
        if self.stage is not first:
            return first.buffers.outside
        return outside(plan, cluster) + dispatching(training.tape, plan, cluster)
