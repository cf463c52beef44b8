"""The memory of every pipeline stage in training: what stands, where the peak is, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from weighbridge.arithmetic import Count, total
from weighbridge.errors import InputError, given
from weighbridge.estimate.compute import longest, record, usual_length
from weighbridge.estimate.memory.activations import Weighed
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.parameters import as_model
from weighbridge.estimate.parts import Parts
from weighbridge.estimate.shown import Shown
from weighbridge.formats.cluster import load_cluster
from weighbridge.hardware.cluster import Cluster
from weighbridge.hardware.device import Device
from weighbridge.kernels import Attention, Kernels, Loss
from weighbridge.models import Model
from weighbridge.nn import Module
from weighbridge.nn.lora import LoraHead
from weighbridge.nn.loss import IN_HEAD
from weighbridge.nn.problems import Problem
from weighbridge.parallel.layout import Layout
from weighbridge.parallel.plan import Plan
from weighbridge.parallel.precision import INPUTS, SCALED_WHOLE, SCALES_BLOCKS, Precision, Recipe
from weighbridge.parallel.recompute import MODULES, OFFLOADED, offloaded
from weighbridge.parallel.remarks import remarks
from weighbridge.parallel.schedule import placement
from weighbridge.parallel.zero import Engine
from weighbridge.pieces import Piece, pieces
from weighbridge.replay import Again, Replay, replay
from weighbridge.tape import Pass, Segment, Tape, Tensor, Use
from weighbridge.traced import plain, symbol
from weighbridge.tree import Node, layer_count

if TYPE_CHECKING:
    from weighbridge.estimate.costing import Costing
    from weighbridge.estimate.epoch import Epoch
    from weighbridge.estimate.time.step import StepTime
    from weighbridge.estimate.training_flops import StepFlops

SYMBOLS = ("gpus", "tensor", "context", "expert", "expert_tensor", "micro_batch", "sequence")
"""Fields of a plan that explanations show as symbols."""


@lru_cache(maxsize=32)
def recorded(network: Module, work: Pass) -> Tape:
    """The tape of a pass, which plans that differ in nothing that the pass sees share."""
    return record(network, work)


@lru_cache(maxsize=32)
def divided(tape: Tape) -> list[Piece]:
    """The pieces of a tape."""
    return pieces(tape)


@lru_cache(maxsize=256)
def replayed(
    piece: Piece, again: tuple[Again, ...], weight_gradients: bool, away: tuple[Segment, ...], keeps_graph: bool
) -> Replay:
    """The replay of a piece, which depends on no size."""
    return replay(piece, again, weight_gradients, away, keeps_graph)


@dataclass(frozen=True, eq=False)
class Training(Shown):
    """A training step under a plan.

    Attributes:
        model: what is trained.
        plan: how.
        cluster: on what; ``None`` leaves out what depends on the device (libraries' workspaces, whether it fits).
        reference: the same model stands beside it as it was, frozen, and runs forward on every micro-batch (DPO).
        epoch: the data set that it is one step over; ``None`` where none is given.
    """

    model: Model
    plan: Plan
    cluster: Cluster | None = None
    _: KW_ONLY
    reference: bool = False
    epoch: Epoch | None = None

    @cached_property
    def work(self) -> Pass:
        """What one micro-batch runs through the model."""
        plan = self.plan
        return Pass(
            batch=plan.micro_batch,
            sequence=plan.sequence,
            dtype=plan.precision.compute.name,
            prediction=plan.prediction,
            kernels=self.kernels,
            gathers=plan.sequence_parallel and plain(plan.tensor) != 1,
        )

    @cached_property
    def kernels(self) -> Kernels:
        """How operations are carried out on this device."""
        plan, kernels, framework = self.plan, self.plan.kernels, self.plan.framework
        shares = plain(plan.context) > 1
        changes: dict[str, Any] = {"gathers_keys": kernels.gathers_keys and shares}
        apart = kernels.gathers_keys or (kernels.exchanges_heads and kernels.exchanging_ranks is None)
        changes["passes_keys"] = shares and framework.transformer_engine and not apart
        if kernels.loss is Loss.EAGER and plain(plan.tensor) > 1:
            changes["loss"] = Loss.SHARED
        if plan.precision.recipe and framework.transformer_engine:
            changes["inputs"] = INPUTS[plan.precision.recipe]
            changes["transposes"] = not (plan.precision.recipe in SCALED_WHOLE and self._takes_any_layout)
        if framework.autocasts and plan.zero.engine is not Engine.FSDP2:  # which gathers weights in 16 bits already
            changes["autocast"] = plan.precision.weights is not plan.precision.compute
        if kernels.attention is Attention.AUTO:
            capability = self.cluster.device.capability if self.cluster else None
            modern = capability is None or capability[0] >= 9
            changes["attention"] = Attention.CUDNN if modern else Attention.FLASH
        return replace(kernels, **changes)

    @property
    def _takes_any_layout(self) -> bool:
        """Whether 8-bit multiplies of the device take matrices in any layout."""
        capability = self.cluster.device.capability if self.cluster else None
        return capability is not None and ((10, 0) <= capability < (12, 0) or capability >= (13, 0))

    @cached_property
    def tape(self) -> Tape:
        """The record of one micro-batch through the whole model."""
        return recorded(self.model.network, self.work)

    @cached_property
    def logits(self) -> Tensor | None:
        """What the head makes, where it makes all logits at once."""
        made = (tensor for operation in self.tape.operations for tensor in operation.makes)
        return next((t for t in made if t.use is Use.LOGITS and t.dtype is self.tape.dtype), None)

    @cached_property
    def tree(self) -> Node:
        """The folded module tree."""
        return self.model.tree

    @cached_property
    def parts(self) -> Parts:
        """The model in the parts that stages are made of."""
        return Parts.of(self.tree, divided(self.tape))

    @cached_property
    def layout(self) -> Layout:
        """Layers of every virtual stage."""
        return self.plan.layout or self.plan.even_layout(self.parts.layers, self.parts.predictions)

    @cached_property
    def twins(self) -> dict[tuple[Any, ...], Stage]:
        """The first stage of every composition."""
        return {}

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Every pipeline stage."""
        plan = self.plan
        ranks = placement(plan.order, plan.pipeline, plan.virtual)
        return tuple(Stage(self, number, virtual) for number, virtual in enumerate(ranks))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What there is to say about the model and the plan."""
        return (*self.model.notes, *remarks(self.plan, self.tree, self.parts.layers))

    @property
    def fits(self) -> bool | None:
        """Whether every stage fits its device; ``None`` without a device."""
        free = [stage.free for stage in self.stages]
        return None if None in free else all(plain(room) >= 0 for room in free)

    @cached_property
    def worst(self) -> Stage:
        """The stage with the highest peak."""
        return max(self.stages, key=lambda stage: plain(stage.peak_allocated))

    @cached_property
    def fullest(self) -> Stage:
        """The stage whose device shows most in use."""
        return max(self.stages, key=lambda stage: plain(stage.device_total))

    @cached_property
    def time(self) -> StepTime | None:
        """How long it takes; ``None`` without a cluster, or where too little of it is known (:attr:`untimed`)."""
        from weighbridge.estimate.time.step import step_time

        return None if self.untimed else step_time(self)

    @cached_property
    def flops(self) -> StepFlops:
        """Floating-point operations of the step."""
        from weighbridge.estimate.training_flops import step_flops

        return step_flops(self)

    @property
    def untimed(self) -> str:
        """Why its time is not estimated, in words; empty where it is."""
        from weighbridge.estimate.time.known import untimed

        return untimed(self.plan, self.cluster)

    def cost(self, tokens: float | str, price: float | str | None = None, **site: float | str | None) -> Costing:
        """What a run of so many tokens takes: see :func:`weighbridge.estimate.costing.cost_of`."""
        from weighbridge.estimate.costing import cost_of

        return cost_of(self, tokens, price, **site)

    @cached_property
    def traced(self) -> Training:
        """The same step with every size a traced number."""
        plan = self.plan
        sizes = {name: symbol(name, getattr(plan, name)) for name in SYMBOLS if getattr(plan, name) is not None}
        named_plan = replace(plan, **sizes, layout=self.layout)
        return Training(
            Model.of(self.model.traced, self.model.name), named_plan, self.cluster, reference=self.reference
        )

    def size(self, tensor: Tensor) -> Count:
        """A rank's bytes of a tensor."""
        found = self._sizes.get(id(tensor))
        if found is None:
            self._sizes[id(tensor)] = found = self.plan.sharding.bytes(tensor)
            self._alive.append(tensor)
        return found

    @cached_property
    def _sizes(self) -> dict[int, Count]:
        return {}

    @cached_property
    def _alive(self) -> list[Tensor]:
        return []

    def weigh(self, piece: Piece, group: int = 0, away: bool = False) -> Weighed:
        """A piece with sizes put in: kept, recomputed whole in groups of so many layers, or kept on the host."""
        key = (piece.start, piece.end, group, away)  # a layer without branches ends where it starts
        if key not in self._weighed:
            plan = self.plan
            again = self.plan.recompute.whole(piece) if group else plan.recompute.segments(piece)
            together = plan.zero.reduces_layers and piece in self.parts.kinds
            out = offloaded(piece, plan.offload.activations, whole=bool(group), away=away)
            found = replayed(
                piece, again, not plan.accumulation_fusion and not together, out, plan.framework.keeps_graph
            )
            full = self.weigh(piece) if group else None
            self._weighed[key] = Weighed(piece, found, self.size, self.parts.name(piece), max(group, 1), full)
        return self._weighed[key]

    @cached_property
    def _weighed(self) -> dict[tuple[int, int, int, bool], Weighed]:
        return {}


def train(
    model: Model | Module | str,
    plan: Plan | None = None,
    cluster: Cluster | str | None = None,
    names: Mapping[str, str] | None = None,
    reference: bool = False,
    epoch: Epoch | None = None,
) -> Training:
    """Weigh a training step.

    Args:
        model: a loaded model, a network of modules, or any name or path that :func:`weighbridge.load` takes.
        plan: how it is laid out; one rank per GPU of the cluster, data parallel, if ``None``.
        cluster: what it runs on: ``64xH100``, a TOML file, or a cluster; ``None`` leaves out what the device decides.
        names: what problems call the plan's fields, where not by their names.
        reference: a frozen reference model stands beside it (DPO).
        epoch: the data set.

    Raises:
        InputError: with everything that is wrong with the plan in one line.
    """
    machines = load_cluster(cluster) if isinstance(cluster, str) else cluster
    for name, value, kind in (("plan", plan, Plan), ("cluster", machines, Cluster)):
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name}: got {given(value)}; expected a {kind.__name__}")
    loaded = as_model(model)
    chosen = plan or Plan.under(gpus=machines.gpus if machines else 1, sequence=usual_length(loaded))
    found = list(dict.fromkeys(problems(loaded, chosen, machines)))
    if found:
        called = names or {}
        raise InputError.of((called.get(field, field), what) for field, what in found)
    return Training(loaded, chosen, machines, reference=reference, epoch=epoch)


def problems(model: Model, plan: Plan, cluster: Cluster | None) -> Iterator[Problem]:
    """Everything that is wrong with a plan for a model and a cluster."""
    if plan.unfit:
        yield from plan.unfit
        return
    tree = model.tree
    predictions = total(node.times for node in tree.children if node.apart)
    yield from plan.problems(tree, int(plain(layer_count(tree))), int(plain(predictions)))
    yield from _lacking(model, plan, cluster)
    if plan.kernels.loss in IN_HEAD and any(isinstance(node.module, LoraHead) for node in tree.walk()):
        yield "lora", f"targets: the head runs in one function with its loss ({plan.kernels.loss}), without an adapter"
    positions = longest(model)
    if positions is not None and plan.sequence > positions:
        limit = f"{model.name} has learned positions for at most {positions:,}"
        yield "sequence", f"{plan.sequence:,} tokens; {limit}"
    if cluster is not None:
        if plan.gpus > cluster.gpus:
            yield "gpus", f"{plan.gpus:,} are more than the cluster's {cluster.gpus:,}"
        yield from _multiplies(plan.precision, cluster.device)
        yield from _reads(model, cluster.device)


READS = {"fp8": (8, 9), "modelopt": (8, 9), "mxfp4": (9, 0), "bitsandbytes": (6, 0), "awq": (7, 5), "gptq": (7, 5)}
"""The least compute capability that each format's kernels run on (transformers, quantizers/quantizer_finegrained_fp8.py
and quantizer_mxfp4.py; bitsandbytes and AutoAWQ, installation guides; GPTQModel, README)."""


def _reads(model: Model, device: Device) -> Iterator[Problem]:
    """Formats of frozen weights that a device has no kernels for."""
    stored = model.tuning.storage if model.tuning else None
    needs = READS.get(stored.method) if stored else None
    if stored is not None and needs and device.capability is not None and device.capability < needs:
        least, own = (".".join(map(str, version)) for version in (needs, device.capability))
        yield "quant", f"{stored.method} takes compute capability {least} or higher; {device.title} has {own}"


def _lacking(model: Model, plan: Plan, cluster: Cluster | None) -> Iterator[Problem]:
    """Modules that are to be recomputed or offloaded and that the model does not have."""
    asked = {
        "recompute": (plan.recompute.modules, MODULES, "to recompute"),
        "offload_activations": (plan.offload.activations, OFFLOADED, "to offload"),
    }
    if not any(names for names, _, _ in asked.values()):
        return
    there = {segment.name for segment in Training(model, plan, cluster).tape.segments}
    for field, (names, known, why) in asked.items():
        has = [name for name, inside in known.items() if there & set(inside)]
        for name in names:
            if name in known and name not in has:
                yield field, f"{model.name} has no {name} {why}; it has {', '.join(has) or 'none of them'}"


def _multiplies(precision: Precision, device: Device) -> Iterator[Problem]:
    """What a device does not multiply in. AMD's scale blocks of 32 since they have units for 4 bits (MI350)."""
    title, needed = device.title, precision.needs
    if precision.recipe is Recipe.MXFP8:
        has = device.capability
        if "fp4" not in device.peak_flops if has is None else has < SCALES_BLOCKS:
            least = ".".join(map(str, SCALES_BLOCKS))
            own = "" if has is None else f"; it has {'.'.join(map(str, has))}"
            why = f"which takes compute capability {least} or higher{own}"
            yield "precision", f"mxfp8: {title} does not scale blocks of 32 elements (MX), {why}"
            return
    if needed not in device.peak_flops:
        yield "precision", f"{title} multiplies nothing in {needed}; it has {', '.join(device.peak_flops)}"
