"""Short causal convolution, one filter per channel."""

from __future__ import annotations

from weighbridge.arithmetic import Count, maximum
from weighbridge.kernels import Pointwise
from weighbridge.nn import ops
from weighbridge.nn.module import Module
from weighbridge.tape import SEQUENCE, Axis, Dimension, Phase, Tensor, Weight, Work


class CausalConvolution(Module):
    """Every channel sees its own last few positions (a depthwise convolution, as in Mamba).

    Attributes:
        channels: the dimension of channels.
        kernel: positions that a channel sees.
        bias: one bias per channel.
        megatron: Megatron-LM's FLOPs formula counts this convolution (gated delta net yes, Mamba no).
        activated: an activation follows, in the same kernel (Mamba and linear attention; not LFM2).
    """

    channels: Dimension
    kernel: Count
    bias: bool = False
    megatron: bool = False
    activated: bool = True

    def build(self) -> None:
        self.weight = Weight((self.channels, Axis("one", 1), Axis("kernel", self.kernel)))
        if self.bias:
            self.offset = Weight((self.channels,))

    def forward(self, x: Tensor) -> Tensor:
        run = x.tape.run
        per_position = 2 * run.batch * self.channels.size * self.kernel
        work = ops.twice(run.sequence * per_position)
        axes = self.made(x)
        made = x.tape.tensor("convolved", *axes)
        x.tape.store(x.tape.tensor("last positions", x.axes[0], self.channels, Axis("kernel", self.kernel)))
        x.tape.record(
            "convolution",
            (x, *self.weights.values()),
            (made,),
            (x, made) if self.activated else (x,),
            work,
            {"torch": self.padded(x, per_position), "megatron": work if self.megatron else Work()},
        )
        return made if axes is x.axes else ops.view(made, "cut", *x.axes)

    def made(self, x: Tensor) -> tuple[Dimension, ...]:
        """The dimensions of the result. PyTorch's own convolution sees positions that pad both ends, and makes results
        at as many more, which are cut off but stand as long as the others.
        """
        run = x.tape.run
        if self.activated or run.kernels.pointwise is Pointwise.FUSED:
            return x.axes
        more = self.kernel - 1
        return tuple(Axis(axis.name, axis.size + more) if axis.name == SEQUENCE else axis for axis in x.axes)

    def padded(self, x: Tensor, per_position: Count) -> Work:
        """What PyTorch's counter makes of it. It counts the padded positions too, and for the weight's gradient
        multiplies every channel with every other (torch/utils/flop_counter.py, conv_backward_flop, ignores groups).
        At a decoding step ``transformers`` convolves cached positions and the new one, and drops one of two results;
        a prompt shorter than the cache is padded to it.
        """
        run = x.tape.run
        if run.phase is Phase.DECODE:
            return Work(run.sequence * 2 * per_position)
        positions = run.sequence if run.phase is Phase.TRAIN else maximum(run.sequence, self.kernel)
        forward = (positions + self.kernel - 1) * per_position
        return Work(forward, forward + forward * self.channels.size)
