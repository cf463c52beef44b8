"""A module of one's own, outside the package: the gated short convolution of LFM2.

The sizes are those of LFM2-1.2B. The mixer is written as ``Lfm2ShortConv`` is in PyTorch (transformers,
models/lfm2/modeling_lfm2.py): one projection makes b, c and x; b gates the input of a short causal convolution,
c its output.
"""

from __future__ import annotations

import signal

import weighbridge as wb
from weighbridge.nn import (
    CausalConvolution,
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
from weighbridge.tape import Axis, Joined, Tensor
from weighbridge.tree import Kind

HIDDEN, FFN, VOCABULARY = 2048, 8192, 65_536
PATTERN = ["conv" if place not in (2, 5, 8, 10, 12, 14) else "attention" for place in range(16)]


class ShortConvolution(Module):
    """Mixes a few neighbouring positions.

    Attributes:
        hidden_size: width of the residual stream.
        kernel: positions that a channel sees.
    """

    kind = Kind.OTHER
    note = "gated short convolution"
    source = "transformers, models/lfm2/modeling_lfm2.py, Lfm2ShortConv"

    hidden_size: int
    kernel: int = 3

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        self.in_proj = Linear(hidden, Joined((hidden, hidden, hidden)))
        self.conv = CausalConvolution(hidden, self.kernel)
        self.out_proj = Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        joined = self.in_proj(x)
        b, c, y = (ops.view(joined, name, *x.axes) for name in ("b", "c", "x"))
        mixed: Tensor = self.out_proj(ops.multiply(c, self.conv(ops.multiply(b, y))))
        return mixed


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


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads (head, less) may stop before the end
    model = wb.Model.of(network(), "lfm2-1.2b")
    weights = wb.params(model)
    print(weights)
    print(wb.flops(model, sequence=4096))
    print(wb.explain(weights.explained()))
