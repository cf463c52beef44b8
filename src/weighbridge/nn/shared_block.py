"""Blocks that several layers share (Zamba 2): attention and feed-forward network with one set of weights, and in every
layer that uses them low-rank adapters of its own.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.attention import GroupedQueryAttention
from weighbridge.nn.decoder import CausalLM
from weighbridge.nn.linear import Linear
from weighbridge.nn.mlp import GatedMLP
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.tape import Axis, Tensor


class AdaptedLinear(Module):
    """A projection that several places share, plus a low-rank one of its own: ``W x + B A x`` (Hu et al. 2021, LoRA,
    eq. 3, here trained with the rest).

    Attributes:
        base: the shared projection.
        rank: width of the adapter's bottleneck.
    """

    note: ClassVar[str] = "a shared projection and an adapter"
    source: ClassVar[str] = "Hu et al. 2021, eq. 3; Glorioso et al. 2024 (Zamba2), section 2"

    base: Linear
    rank: Count

    def build(self) -> None:
        rank = Axis("adapter_rank", self.rank)
        self.register("base", self.base)
        self.down_proj = Linear(self.base.columns, rank)
        self.up_proj = Linear(rank, self.base.out)

    def forward(self, x: Tensor) -> Tensor:
        return ops.add(self.base(x), self.up_proj(self.down_proj(x)))


class SharedAttention(GroupedQueryAttention):
    """Attention with projections that it is given.

    Attributes:
        q_proj, k_proj, v_proj, o_proj: the projections, which may stand elsewhere too.
    """

    title = "attention"

    q_proj: Module = field(kw_only=True)  # type: ignore[assignment]
    k_proj: Module = field(kw_only=True)  # type: ignore[assignment]
    v_proj: Module = field(kw_only=True)  # type: ignore[assignment]
    o_proj: Module = field(kw_only=True)  # type: ignore[assignment]

    def build(self) -> None:
        """Nothing of its own."""

    def adapted(self, rank: Count) -> SharedAttention:
        """The same with an adapter beside queries, keys and values."""
        q, k, v = (AdaptedLinear(base, rank) for base in (self.q_proj, self.k_proj, self.v_proj))  # type: ignore[arg-type]
        sizes = (self.hidden_size, self.num_heads, self.num_kv_heads, self.head_dim)
        return SharedAttention(*sizes, rotary=self.rotary, q_proj=q, k_proj=k, v_proj=v, o_proj=self.o_proj)


class SharedMLP(GatedMLP):
    """A gated feed-forward network with projections that it is given, gate and up in one.

    Attributes:
        gate_up_proj, down_proj: the projections, which may stand elsewhere too.
    """

    title = "mlp"

    gate_up_proj: Module = field(kw_only=True)  # type: ignore[assignment]
    down_proj: Module = field(kw_only=True)  # type: ignore[assignment]

    def build(self) -> None:
        """Nothing of its own."""


class SharedBlock(Module):
    """Attention over the stream joined with the embedding, then a feed-forward network, without residual branches:
    what layers share (Glorioso et al. 2024, The Zamba2 Suite, figure 2).

    Attributes:
        hidden_size: width of the residual stream; attention reads twice that.
        num_heads: query heads.
        num_kv_heads: key/value heads.
        head_dim: elements per head.
        intermediate_size: width inside the feed-forward network.
        bias: the feed-forward network's projections add a bias.
        rotary: queries and keys are turned by their positions.
    """

    note: ClassVar[str] = "weights that several layers share"
    source: ClassVar[str] = "Glorioso et al. 2024 (Zamba2), figure 2"

    hidden_size: Count
    num_heads: Count
    num_kv_heads: Count
    head_dim: Count
    intermediate_size: Count
    bias: bool = False
    rotary: bool = False

    def build(self) -> None:
        hidden, joined = Axis("hidden", self.hidden_size), Axis("hidden", 2, self.hidden_size)
        heads = Axis("heads", self.num_heads, self.head_dim)
        groups = Axis("kv_heads", self.num_kv_heads, self.head_dim)
        self.attention_norm = RMSNorm(joined.size)
        self.attention = SharedAttention(
            self.hidden_size,
            self.num_heads,
            self.num_kv_heads,
            self.head_dim,
            rotary=self.rotary,
            q_proj=Linear(joined, heads),
            k_proj=Linear(joined, groups),
            v_proj=Linear(joined, groups),
            o_proj=Linear(heads, hidden),
        )
        self.mlp_norm = RMSNorm(self.hidden_size)
        self.mlp = GatedMLP(self.hidden_size, self.intermediate_size, self.bias, "gelu", fused=True)


class SharedBlockLayer(Module):
    """A use of a shared block, its result projected and added to what a mixer reads (Zamba 2's hybrid layers).

    Attributes:
        hidden_size: width of the residual stream.
        attention_norm, attention, mlp_norm, mlp: the block's parts, whose weights stand elsewhere in the model.
        mixer: the mixer of the layer.
    """

    note: ClassVar[str] = "a shared block, then a mixer"
    source: ClassVar[str] = "Glorioso et al. 2024 (Zamba2), figure 2"

    hidden_size: Count
    attention_norm: Module
    attention: Module
    mlp_norm: Module
    mlp: Module
    mixer: Module

    def build(self) -> None:
        hidden = Axis("hidden", self.hidden_size)
        for name in ("attention_norm", "attention", "mlp_norm", "mlp"):
            self.register(name, getattr(self, name))
        self.linear = Linear(hidden, hidden)
        self.mixer_norm = RMSNorm(self.hidden_size)
        self.register(self.mixer.title, self.mixer)

    @classmethod
    def of(cls, block: SharedBlock, mixer: Module, rank: Count, adapts_attention: bool) -> SharedBlockLayer:
        """A use of a block with adapters of its own.

        Args:
            block: the shared block.
            mixer: the mixer of the layer.
            rank: width of the adapters.
            adapts_attention: attention has adapters too, not the feed-forward network alone.
        """
        attention = block.attention.adapted(rank) if adapts_attention else block.attention
        adapted = AdaptedLinear(block.mlp.gate_up_proj, rank)
        sizes = (block.hidden_size, block.intermediate_size, block.bias, "gelu", True)
        mlp = SharedMLP(*sizes, gate_up_proj=adapted, down_proj=block.mlp.down_proj)
        return cls(block.hidden_size, block.attention_norm, attention, block.mlp_norm, mlp, mixer)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        joined = x.tape.tensor("joined", *x.axes[:-1], Axis("hidden", 2, self.hidden_size))
        x.tape.record("join", (x, embedded), (joined,))
        with x.tape.segment("attention"):
            y = self.attention(self.attention_norm(joined))
        with x.tape.segment("mlp"):
            y = self.mlp(self.mlp_norm(y))
        y = self.mixer_norm(ops.add(x, self.linear(y)))
        with x.tape.segment(self.mixer.title):
            return ops.residual(x, self.mixer(y))


class SharedBlocksLM(CausalLM):
    """A language model some of whose layers use shared blocks, which join their input with the embedding.

    Attributes:
        shared: the blocks.
    """

    shared: tuple[SharedBlock, ...] = ()

    def build(self) -> None:
        for block in self.shared:  # what layers share has to stand before them
            self.register("shared_block", block)
        super().build()

    def run_layers(self, x: Tensor) -> Tensor:
        embedded = x
        for layers in self.layers:
            x = layers(x, embedded) if isinstance(layers.module, SharedBlockLayer) else layers(x)
        return x
