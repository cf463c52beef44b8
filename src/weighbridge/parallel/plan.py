"""A plan: how a training step is laid out over ranks, and what each rank keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any

from weighbridge.arithmetic import Count, exact_div
from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.kernels import Kernels
from weighbridge.nn.problems import Problem
from weighbridge.parallel import brief, problems
from weighbridge.parallel.execution import Execution
from weighbridge.parallel.framework import FRAMEWORKS, Framework, framework
from weighbridge.parallel.layout import Layout, even
from weighbridge.parallel.names import precision_of, recompute_of, schedule_of
from weighbridge.parallel.optimizer import OPTIMIZERS, Optimizer, optimizer
from weighbridge.parallel.precision import Precision
from weighbridge.parallel.recompute import Recompute
from weighbridge.parallel.schedule import Schedule, placement
from weighbridge.parallel.sharding import Sharding
from weighbridge.parallel.zero import Zero
from weighbridge.traced import plain
from weighbridge.tree import Node


@dataclass(frozen=True)
class Offload:
    """What stands in the host's memory instead of the device's.

    Attributes:
        optimizer: share of the optimizer's states and main parameters, 0 to 1.
        weights: weights between uses (ZeRO-3, FSDP).
        activations: modules whose kept tensors are copied out, by the keys of
            :data:`~weighbridge.parallel.recompute.OFFLOADED`, or "layers" for the inputs of recomputed layers.
        layers: layers, from the first, whose kept tensors are all copied out, each while later layers go forward, so
            that at the end of the forward pass those of the other layers stand (Transformer Engine,
            pytorch/cpu_offload.py, DefaultOffloadSynchronizer). Tensors of less than 256 Ki elements, which stay there,
            are taken to go too.
    """

    optimizer: float = 0.0
    weights: bool = False
    activations: tuple[str, ...] = ()
    layers: int = 0


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan:
    """How one training step is run. Sizes are numbers of ranks unless they say otherwise.

    Attributes:
        gpus: ranks in all.
        tensor: tensor parallel size.
        pipeline: pipeline parallel size.
        virtual: virtual pipeline size: chunks of the model per rank.
        context: context parallel size.
        expert: expert parallel size.
        expert_tensor: expert-tensor parallel size; the tensor parallel size if ``None``.
        sequence_parallel: tensor parallel ranks share the residual stream's positions.
        micro_batch: sequences of one rank and one forward pass.
        global_batch: sequences of one step; one micro-batch per data-parallel rank and pipeline stage if ``None``.
        sequence: tokens per sequence.
        framework: whose kernels run.
        schedule: the order of forward and backward passes; 1F1B, or interleaved 1F1B with virtual stages, if ``None``.
        group: micro-batches that a virtual stage runs before the next (interleaved); the pipeline size if ``None``.
        layout: layers of every virtual stage; spread evenly if ``None``.
        zero: how states are spread over data-parallel ranks.
        precision: data types.
        optimizer: whose states are held.
        recompute: what runs again in the backward pass.
        offload: what stands in the host's memory.
        kernels: how operations are carried out.
        accumulation_fusion: matrix multiplies add weight gradients to their buffer by themselves.
        imbalance: routed tokens of the fullest expert rank over the mean.
        prediction: multi-token prediction layers run too, where the model has them.
        overlaps_tensor: tensor parallel communication overlaps with multiplies, on streams of its own.
        execution: what runs beside what, and what the host launches.
        cublas_workspace: bytes of each of PyTorch's cuBLAS workspaces, where ``CUBLAS_WORKSPACE_CONFIG`` sets them.
        expandable_segments: the allocator's segments grow (PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True).
    """

    gpus: Count = 1
    tensor: Count = 1
    pipeline: Count = 1
    virtual: Count = 1
    context: Count = 1
    expert: Count = 1
    expert_tensor: Count | None = None
    sequence_parallel: bool = False
    micro_batch: Count = 1
    global_batch: Count | None = None
    sequence: Count = 4096
    framework: Framework = FRAMEWORKS["megatron"]
    schedule: Schedule | None = None
    group: int | None = None
    layout: Layout | None = None
    zero: Zero = Zero(1)
    precision: Precision = Precision()
    optimizer: Optimizer = OPTIMIZERS["adam"]
    recompute: Recompute = Recompute()
    offload: Offload = Offload()
    kernels: Kernels = field(default=FRAMEWORKS["megatron"].kernels)
    accumulation_fusion: bool = True
    imbalance: float = 1.0
    prediction: bool = True
    overlaps_tensor: bool = False
    execution: Execution = Execution()
    cublas_workspace: int | None = None
    expandable_segments: bool = False

    @classmethod
    def under(cls, name: str = "megatron", **fields: Any) -> Plan:
        """A plan with a framework's own kernels, data types and buffers, and other fields as given. Framework,
        schedule, precision, optimizer and recomputation may be given by their names, as the command line has them, ZeRO
        by its stage.

        Raises:
            InputError: for an unknown name or field.
        """
        said = fields.pop("framework", name)
        chosen = said if isinstance(said, Framework) else framework(said)
        own: dict[str, Any] = {
            "framework": chosen,
            "kernels": chosen.kernels,
            "precision": chosen.precision,
            "zero": chosen.zero,
            "accumulation_fusion": chosen.accumulation_fusion,
            "execution": chosen.execution,
            "expandable_segments": chosen.expandable_segments,
        }
        known = [field.name for field in dataclass_fields(cls)]
        for field_name in fields:
            if field_name not in known:
                near = did_you_mean(field_name, known)
                raise InputError(f"{given(field_name)} is no field of a plan; allowed: {', '.join(known)}{near}")
        if type(fields.get("zero")) is int and fields["zero"] in range(4):
            fields["zero"] = chosen.spread(fields["zero"])
        if isinstance(fields.get("zero"), Zero) and fields["zero"].stage in range(4):
            own["precision"] = chosen.at(fields["zero"].stage)
        zero = fields.get("zero", chosen.zero)
        stage = zero.stage if isinstance(zero, Zero) and zero.stage in range(4) else chosen.zero.stage
        find: dict[str, Callable[[str], Any]] = {
            "schedule": schedule_of,
            "precision": lambda text: precision_of(text, chosen, stage),
            "optimizer": optimizer,
            "recompute": recompute_of,
        }
        named = {key: find[key](text) for key, text in fields.items() if key in find and type(text) is str}
        return cls(**(own | fields | named))

    def __repr__(self) -> str:
        return brief.plan(self, Plan.under(self.framework.name)) if isinstance(self.framework, Framework) else "Plan()"

    @staticmethod
    def kinds() -> dict[str, type]:
        """Fields that are choices, and of which type."""
        return {
            "framework": Framework,
            "zero": Zero,
            "precision": Precision,
            "optimizer": Optimizer,
            "recompute": Recompute,
            "offload": Offload,
            "kernels": Kernels,
            "execution": Execution,
        }

    def problems(self, tree: Node | None = None, layers: int = 0, prediction: int = 0) -> Iterator[Problem]:
        """Everything that is wrong with the plan, for plain numbers: fields and what is wrong with each, once.

        Args:
            tree: the module tree of the model that it is for.
            layers: the model's decoder layers.
            prediction: its multi-token prediction layers.
        """
        said: set[Problem] = set()
        for problem in self._problems(tree, layers, prediction):
            if problem not in said:
                said.add(problem)
                yield problem

    def _problems(self, tree: Node | None, layers: int, prediction: int) -> Iterator[Problem]:
        if self.unfit:
            yield from self.unfit
            return
        for part in (problems.of_choices, problems.of_ranks, problems.of_sharding, problems.of_batch):
            yield from part(self)
        if tree is not None:
            yield from problems.of_model(self, tree)
            yield from problems.of_layout(self, layers, prediction)

    @cached_property
    def unfit(self) -> tuple[Problem, ...]:
        """Fields that are not what they must be; nothing else can be asked of the plan until they are."""
        return tuple(problems.of_fields(self))

    @cached_property
    def data(self) -> Count:
        """Data parallel size: ranks that see different sequences."""
        return exact_div(self.gpus, self.tensor * self.pipeline * self.context)

    @cached_property
    def inside_experts(self) -> Count:
        """Expert-tensor parallel size."""
        return self.tensor if self.expert_tensor is None else self.expert_tensor

    @cached_property
    def data_ranks(self) -> Count:
        """Ranks that hold the same weights: over them gradients are reduced and states are spread."""
        return self.data * self.context

    @cached_property
    def expert_data_ranks(self) -> Count:
        """Ranks that hold the same experts."""
        return exact_div(self.gpus, self.inside_experts * self.expert * self.pipeline)

    @cached_property
    def micro_batches(self) -> Count:
        """Micro-batches of one step on every data-parallel rank."""
        if self.global_batch is None:
            return self.pipeline
        return exact_div(self.global_batch, self.micro_batch * self.data)

    @cached_property
    def sequences(self) -> Count:
        """Sequences of one step, on all ranks."""
        return self.micro_batches * self.micro_batch * self.data

    @cached_property
    def order(self) -> Schedule:
        """The schedule that runs."""
        if self.schedule is not None:
            return self.schedule
        return Schedule.ONE_F_ONE_B if type(self.virtual) is int and self.virtual == 1 else Schedule.INTERLEAVED

    @cached_property
    def pieces(self) -> int:
        """Pieces that the schedule cuts the model into: virtual stages, of which DualPipe holds each on two ranks."""
        return 1 + max(max(own) for own in placement(self.order, self.pipeline, self.virtual))

    def even_layout(self, layers: int, prediction: int = 0) -> Layout:
        """So many layers spread evenly over virtual stages, as the framework counts embedding and head."""
        ends = self.framework.counts_ends and plain(self.pipeline) > 1
        return even(layers, self.pieces, prediction, counts_embedding=ends, counts_loss=ends)

    @cached_property
    def sharding(self) -> Sharding:
        """Divisors of logical axes."""
        return Sharding(
            self.tensor,
            self.context,
            self.expert,
            self.inside_experts,
            self.sequence_parallel,
            self.kernels.padded_vocabulary,
            self.imbalance,
        )
