"""How long a training step takes: every rank's passes in the schedule's order, then what data parallel ranks send, then
the optimizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from weighbridge.arithmetic import Count
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.timeline import drawn
from weighbridge.estimate.time.chunk import ChunkPasses, ChunkTime, Pass
from weighbridge.estimate.time.clock import Clock
from weighbridge.estimate.time.data import DataParallel
from weighbridge.estimate.time.operations import Timer
from weighbridge.estimate.time.piece import PieceTime
from weighbridge.estimate.time.power import Load, pace, slowest_of
from weighbridge.estimate.time.speed import Speed
from weighbridge.estimate.time.work import Bound, Channel, Seconds
from weighbridge.estimate.training import Training
from weighbridge.hardware.cluster import Cluster
from weighbridge.parallel.schedule import Schedule
from weighbridge.parallel.timeline import Sending, Timeline, simulate
from weighbridge.sums import summed
from weighbridge.traced import plain


@dataclass(frozen=True, eq=False)
class StageTime:
    """One pipeline stage in a step.

    Attributes:
        clock: seconds of kernels and messages.
        timer: times operations.
        stage: the stage.
    """

    clock: Clock
    timer: Timer
    stage: Stage

    @cached_property
    def data(self) -> DataParallel:
        """Messages between data parallel ranks, and the optimizer."""
        return DataParallel(self.clock, self.stage)

    @cached_property
    def brisk(self) -> tuple[ChunkPasses, ...]:
        """What one micro-batch does in its chunks, at the rates of short runs."""
        made = self.timer.pieces
        found = []
        for number, runs in enumerate(self.stage.runs):
            pieces = tuple(made.setdefault(id(run.weighed), PieceTime(self.timer, run.weighed)) for run in runs)
            found.append(ChunkTime(self.timer, self.data, number, pieces, runs).passes)
        return tuple(found)

    @cached_property
    def load(self) -> Load:
        """What the device does for one micro-batch."""
        passes = [own for chunk in self.brisk for own in chunk]
        kernels = [(k, n) for own in passes for doing, n in own.runs for k in doing.kernels]
        held_back = [(k, n) for k, n in kernels if k.joules]
        others = [(k, n) for k, n in kernels if not k.joules]
        return Load(
            multiplying=_sum(n * k.seconds for k, n in held_back),
            joules=_sum(n * k.joules for k, n in held_back),
            attending=_sum(n * k.seconds for k, n in others if k.bound is Bound.COMPUTE),
            moving=_sum(n * k.seconds for k, n in others if k.bound is Bound.MEMORY),
            waiting=_sum(own.seconds - own.computing for own in passes),
        )

    @cached_property
    def pace(self) -> float:
        """Rate of multiplies over that of short runs, under the device's power limit."""
        return pace(self.clock.cluster.device, self.load) * slowest_of(int(plain(self.clock.plan.gpus)))

    @cached_property
    def chunks(self) -> tuple[ChunkPasses, ...]:
        """The same under the power limit."""
        return tuple(chunk.at(self.pace) for chunk in self.brisk)

    @cached_property
    def passes(self) -> list[Pass]:
        """What one micro-batch does on the rank."""
        return [own for chunk in self.chunks for own in chunk]

    @property
    def forward(self) -> Seconds:
        """One micro-batch's forward passes."""
        return summed((chunk.forward.seconds for chunk in self.chunks), 0.0)

    @property
    def backward(self) -> Seconds:
        """One micro-batch's backward passes."""
        return summed((chunk.inputs.seconds + chunk.weights.seconds for chunk in self.chunks), 0.0)

    @cached_property
    def tail(self) -> Seconds:
        """After the last backward pass: gradients that are still on their way, and the optimizer."""
        return self.data.tail(self.backward) + self.data.optimizer

    @cached_property
    def head(self) -> Seconds:
        """In the first forward pass: weights that are still on their way."""
        return self.data.head(self.forward)


def _sum(seconds: Iterable[Seconds]) -> float:
    return float(plain(summed(seconds, 0.0)))


@dataclass(frozen=True, eq=False)
class StepTime:
    """The time of a training step.

    Attributes:
        training: the step.
        cluster: on what.
    """

    training: Training
    cluster: Cluster

    @cached_property
    def clock(self) -> Clock:
        """Seconds of kernels and messages."""
        return Clock(self.training.plan, self.cluster)

    @cached_property
    def stages(self) -> tuple[StageTime, ...]:
        """Every pipeline stage."""
        timer = Timer(self.training, self.clock)
        made: dict[int, StageTime] = {}
        return tuple(
            made.setdefault(id(stage.twin), StageTime(self.clock, timer, stage.twin)) for stage in self.training.stages
        )

    @cached_property
    def message(self) -> Seconds:
        """Seconds of what one stage sends the next for a micro-batch."""
        plan = self.training.plan
        carried = next((p.carried for p in self.training.parts.kinds if p.carried is not None), None)
        if plain(plan.pipeline) == 1 or carried is None:
            return 0.0
        return float(plain(self.clock.send(self.training.size(carried), plan.gpus // plan.pipeline)))

    @cached_property
    def ran(self) -> Timeline:
        """The schedule at work on as many micro-batches as show all of it."""
        plan = self.training.plan
        durations = [[chunk.durations for chunk in stage.chunks] for stage in self.stages]
        sending = Sending(self.message, blocks=not plan.execution.overlaps_pipeline)
        return simulate(plan.order, plan.pipeline, self.shown, plan.virtual, durations, plan.group, sending)

    @cached_property
    def shown(self) -> int:
        """Micro-batches of it."""
        return drawn(self.training.plan)

    @cached_property
    def left_out(self) -> Seconds:
        """Seconds of the micro-batches that repeat the middle: the slowest rank's time for each of them."""
        plan = self.training.plan
        more = int(plain(plan.micro_batches)) - self.shown
        return more * self.period if more else 0.0

    @cached_property
    def period(self) -> Seconds:
        """Seconds from one micro-batch to the next, once all ranks are busy: the slowest rank's own."""
        blocking = not self.training.plan.execution.overlaps_pipeline
        sent = 2 * self.training.plan.virtual * self.message if blocking else 0.0
        share = self.repeats / int(plain(self.training.plan.micro_batches))
        return max(float(plain(stage.forward + stage.backward)) for stage in self.stages) * share + sent

    @cached_property
    def repeats(self) -> int:
        """How often a rank runs its chunks in a step. With DualPipe it holds two halves of the model, and each of them
        gets half of the micro-batches.
        """
        count = int(plain(self.training.plan.micro_batches))
        return count // 2 if self.training.plan.order is Schedule.DUALPIPE else count

    @cached_property
    def ends(self) -> list[Seconds]:
        """When each stage is done with the step."""
        return [
            float(plain(stage.head)) + finish + self.left_out + float(plain(stage.tail))
            for stage, finish in zip(self.stages, self.ran.finishes, strict=True)
        ]

    @cached_property
    def step_seconds(self) -> Seconds:
        """Seconds of a step."""
        return max(self.ends)

    @cached_property
    def last(self) -> int:
        """The stage that is done last."""
        return self.ends.index(self.step_seconds)

    @property
    def tokens(self) -> Count:
        """Tokens of a step."""
        return self.training.plan.sequences * self.training.plan.sequence

    @cached_property
    def speed(self) -> Speed:
        """What the step's time makes of its work."""
        work = self.training.flops
        return Speed(
            step_seconds=self.step_seconds,
            tokens_per_step=int(plain(self.tokens)),
            gpus=int(plain(self.training.plan.gpus)),
            model_flops=int(plain(work.model)),
            hardware_flops=int(plain(work.hardware)),
            peak_flops=self.peak,
        )

    @property
    def tokens_per_second(self) -> float:
        """Tokens of all ranks in a second."""
        return self.speed.tokens_per_second

    @property
    def tokens_per_second_per_gpu(self) -> float:
        """Tokens of each rank's share in a second."""
        return self.speed.tokens_per_second_per_gpu

    @property
    def model_tflops_per_gpu(self) -> float:
        """10**12 floating-point operations in a second on each rank, of those that the model needs."""
        return self.speed.model_tflops_per_gpu

    @property
    def hardware_tflops_per_gpu(self) -> float:
        """The same with what is recomputed."""
        return self.speed.hardware_tflops_per_gpu

    @property
    def peak(self) -> int:
        """FLOP per second of the device, dense, in the type that activations are in."""
        return self.cluster.device.peak(self.training.plan.precision.compute.name)

    @property
    def mfu(self) -> float:
        """Model FLOPs utilisation (Chowdhery et al. 2022, appendix B), of the device's rate in activations' type."""
        return self.speed.mfu

    @property
    def hfu(self) -> float:
        """Hardware FLOPs utilisation: with what is recomputed."""
        return self.speed.hfu

    @cached_property
    def breakdown(self) -> dict[str, Seconds]:
        """Seconds of the stage that is done last, by what it does or waits for; they add up to the step."""
        stage, count = self.stages[self.last], self.repeats
        found: dict[str, Seconds] = {}
        for name, seconds in parts_of(stage.passes):
            found[name] = found.get(name, 0.0) + count * float(plain(seconds))
        found["optimizer"] = float(plain(stage.data.optimizer))
        found[Channel.DATA.value] = (
            found.get(Channel.DATA.value, 0.0) + float(plain(stage.head + stage.tail)) - found["optimizer"]
        )
        found["pipeline bubble"] = max(self.step_seconds - summed(found.values()), 0.0)
        least = 1e-9 * self.step_seconds  # what rounding leaves is nothing
        return {name: seconds for name, seconds in found.items() if seconds > least}


def parts_of(passes: Iterable[Pass]) -> Iterator[tuple[str, Seconds]]:
    """What passes of one micro-batch do, and what they wait for."""
    for own in passes:
        for doing, count in own.runs:
            for kernel in doing.kernels:
                yield kernel.kind.value, count * kernel.at(own.pace)
            for message in doing.messages:
                yield message.channel.value, count * message.exposed
        yield Channel.DATA.value, own.waits
        yield Channel.EXPERT.value, own.device - own.computing - own.exposed - own.waits
        yield Bound.LAUNCH.value, own.late


def step_time(training: Training) -> StepTime | None:
    """The time of a step; ``None`` without a cluster."""
    return StepTime(training, training.cluster) if training.cluster is not None else None
