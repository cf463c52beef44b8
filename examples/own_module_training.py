"""A module of one's own in training: LFM2's gated short convolution, in one kernel, split by tensor parallelism.

Axes decide what parallelism divides. Every channel is gated and convolved by itself, so ranks can share the channels:
they are an axis called ``ffn``, which tensor parallelism divides here as it does in a feed-forward network (it divides
``heads``, ``kv_heads``, ``ffn``, ``expert_ffn``, ``vocabulary`` and ``groups``, but not ``hidden``). What the kernel
keeps for the backward pass is what it records under ``keeps``: the projection, and nothing between. Parameters, FLOPs,
ledger, recomputation, sharding and explanations follow from these lines.
"""

from __future__ import annotations

import signal

import weighbridge as wb
from weighbridge.estimate.memory.inside import Inside, inside
from weighbridge.nn import (
    CausalLM,
    DecoderLayer,
    Embedding,
    GatedMLP,
    GroupedQueryAttention,
    Head,
    Linear,
    Module,
    RMSNorm,
    ops,
    stack,
)
from weighbridge.tape import Axis, Joined, Tensor, Weight
from weighbridge.tree import Kind

HIDDEN, FFN, VOCABULARY = 2048, 8192, 65_536
PATTERN = ["conv" if place not in (2, 5, 8, 10, 12, 14) else "attention" for place in range(16)]


class ShortConvolution(Module):
    """Mixes a few neighbouring positions.

    Attributes:
        hidden_size: width of the residual stream, and channels inside.
        kernel: positions that a channel sees.
    """

    kind = Kind.OTHER
    note = "gated short convolution"
    source = "transformers, models/lfm2/modeling_lfm2.py, Lfm2ShortConv"

    hidden_size: int
    kernel: int = 3

    def build(self) -> None:
        hidden, self.channels = Axis("hidden", self.hidden_size), Axis("ffn", self.hidden_size)
        self.in_proj = Linear(hidden, Joined((self.channels,) * 3))
        self.filter = Weight((self.channels, Axis("kernel", self.kernel)))
        self.out_proj = Linear(self.channels, hidden)

    def forward(self, x: Tensor) -> Tensor:
        joined = self.in_proj(ops.gathered(x))
        mixed = x.tape.tensor("mixed", *joined.axes[:-1], self.channels)
        per_channel = 2 * self.kernel + 2  # a multiply-add per position that it sees, and two gates
        x.tape.record(
            "short convolution",
            reads=(joined, self.filter),
            makes=(mixed,),
            keeps=(joined,),
            work=ops.twice(per_channel * mixed.count),
        )
        result: Tensor = self.out_proj(mixed)
        return result


def layer(kind: str) -> DecoderLayer:
    """A decoder layer: norm, mixer, norm, feed-forward network, both residual."""
    attention = GroupedQueryAttention(HIDDEN, num_heads=32, num_kv_heads=8, head_dim=64, qk_norm=True)
    mixer = ShortConvolution(HIDDEN) if kind == "conv" else attention
    return DecoderLayer(HIDDEN, mixer, GatedMLP(HIDDEN, FFN))


def network() -> CausalLM:
    """Ten convolution layers and six attention layers, each kind written once."""
    return CausalLM(
        embedding=Embedding(VOCABULARY, HIDDEN),
        layers=stack(PATTERN, layer, len(PATTERN)),
        norm=RMSNorm(HIDDEN),
        head=Head(HIDDEN, VOCABULARY, tied=True),
    )


def own(part: Inside) -> Inside | None:
    """The first module of one's own at or below a part of a rank."""
    if isinstance(part.module, ShortConvolution):
        return part
    return next((found for child in part.children if (found := own(child))), None)


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads (head, less) may stop before the end
    model = wb.Model.of(network(), "lfm2-1.2b")
    for tensor in (1, 4):
        plan = wb.Plan.under(gpus=8, tensor=tensor, sequence_parallel=tensor > 1, micro_batch=2)
        training = wb.train(model, plan, "8xH100")
        mine = own(inside(training.worst))
        assert mine is not None
        kept = mine.all_kept.bytes
        print(f"tensor parallel size {tensor}: {mine.all_parameters:,} parameters, keeps {kept:,} bytes per layer")
    print()
    print(training)
