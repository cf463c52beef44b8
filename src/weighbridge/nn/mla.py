"""Multi-head latent attention: keys and values are stored as one compressed vector per token."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.core_attention import Written, core_attention
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import CountedLayerNorm, CountedNorm
from weighbridge.tape import SEQUENCE, Axis, Joined, Phase, Tensor, Work, renamed
from weighbridge.tree import Kind


class MultiHeadLatentAttention(Module):
    """Queries and keys/values pass through low-rank bottlenecks; a small rotary part of the key is shared by all heads
    (DeepSeek-AI 2024, DeepSeek-V2, eq. 9 to 19).

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: heads.
        kv_lora_rank: width of the key/value bottleneck, which is what the cache holds.
        qk_nope_head_dim: elements per query/key head without rotary position.
        qk_rope_head_dim: elements per query head with rotary position, and of the one shared rotary key.
        v_head_dim: elements per value head.
        q_lora_rank: width of the query bottleneck; ``None`` projects queries directly.
        bias: the down projections and the output projection add a bias.
        out_bias: the output projection adds a bias; as ``bias`` says if ``None``.
        norms: the bottlenecks end in a normalisation.
        layer_norm: that is a layer normalisation, with a bias.
        angles: the tables of transformers' rotary positions: a name of :data:`weighbridge.nn.ops.ANGLES`.
        rotary: the parts for positions are turned by them; without it they are elements like others (Kimi Linear).
    """

    kind = Kind.ATTENTION
    branch = "mixer"
    title = "attention"
    note: ClassVar[str] = "MLA: low-rank queries, compressed keys and values"
    source: ClassVar[str] = "DeepSeek-V2 (2024), eq. 9-19"

    hidden_size: Count
    num_heads: Count
    kv_lora_rank: Count
    qk_nope_head_dim: Count
    qk_rope_head_dim: Count
    v_head_dim: Count
    q_lora_rank: Count | None = None
    bias: bool = False
    out_bias: bool | None = None
    norms: bool = True
    layer_norm: bool = False
    angles: str = "whole"
    rotary: bool = True

    selected: ClassVar[Count | None] = None
    """Positions that are chosen for each token; ``None`` for all before it."""

    @property
    def qk_head_dim(self) -> Count:
        """Elements of a query or key head."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    def build(self) -> None:
        norm = CountedLayerNorm if self.layer_norm else CountedNorm
        hidden, latent = Axis("hidden", self.hidden_size), Axis("kv_latent", self.kv_lora_rank)
        queries = Axis("heads", self.num_heads, self.qk_head_dim)
        if self.q_lora_rank is None:
            self.q_proj = Linear(hidden, queries)
        else:
            rank = Axis("q_latent", self.q_lora_rank)
            self.q_a_proj = Linear(hidden, rank, self.bias)
            if self.norms:
                self.q_a_norm = norm(self.q_lora_rank, "q_latent")
            self.q_b_proj = Linear(rank, queries)
        self.kv_a_proj = Linear(hidden, Joined((latent, Axis("rope", self.qk_rope_head_dim))), self.bias)
        if self.norms:
            self.kv_a_norm = norm(self.kv_lora_rank, "kv_latent")
        self.kv_b_proj = Linear(latent, Axis("heads", self.num_heads, self.qk_nope_head_dim + self.v_head_dim))
        out_bias = self.bias if self.out_bias is None else self.out_bias
        self.o_proj = Linear(Axis("heads", self.num_heads, self.v_head_dim), hidden, out_bias)

    def forward(self, x: Tensor) -> Tensor:
        x = ops.gathered(x)
        with x.tape.segment("qkv_linear"):
            narrow = None if self.q_lora_rank is None else self.q_a_proj(x)
            compressed = self.kv_a_proj(x)
        self.store(compressed)
        if x.tape.run.phase is Phase.DECODE:
            latent = self.normed(compressed)
            return self.o_proj(self.absorbed(self.queries(x, narrow), latent))
        with x.tape.segment("mla_up_proj"):
            latent = self.normed(compressed)
            q = self.turned(self.queries(x, narrow))
            k, v = self.expanded(latent, self.position(compressed))
        sizes, written = (self.num_heads, self.qk_head_dim, self.v_head_dim), Written(by_heads=True)
        attended = core_attention(q, k, v, *sizes, selected=self.selected, written=written)
        with x.tape.segment("attn_proj"):
            return self.o_proj(attended)

    def store(self, compressed: Tensor) -> None:
        """The cache holds the latents of all positions and their rotary part, heads whatever their number."""
        tape, rows = compressed.tape, (compressed.axes[0], Axis("keys", compressed.tape.run.positions))
        latent = tape.tensor("cached latents", *rows, Axis("kv_latent", self.kv_lora_rank))
        tape.store(latent, tape.tensor("cached positions", *rows, Axis("rope", self.qk_rope_head_dim)))

    def queries(self, x: Tensor, narrow: Tensor | None) -> Tensor:
        """Queries, through their bottleneck if there is one."""
        if narrow is None:
            return self.q_proj(x)
        return self.q_b_proj(self.q_a_norm(narrow) if self.norms else narrow)

    def normed(self, compressed: Tensor) -> Tensor:
        """The latent part of the compressed keys and values, normalised."""
        latent = ops.part(compressed, "latent", Axis("kv_latent", self.kv_lora_rank))
        return self.kv_a_norm(latent) if self.norms else latent

    def position(self, compressed: Tensor) -> Tensor:
        """The rotary part of the keys, which all heads share."""
        rows = renamed(compressed.axes[:-1], SEQUENCE)
        return self.turned(ops.view(compressed, "position", *rows, Axis("rope", self.qk_rope_head_dim)))

    def turned(self, x: Tensor) -> Tensor:
        """Queries, or the part of keys that all heads share, turned by their positions."""
        return ops.rotary(x, self.qk_rope_head_dim, self.angles) if self.rotary else x

    def expanded(self, latent: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values expanded from the latents of the new tokens and of the cache. Every head's key is joined with
        the rotary part that all share, in a copy; values are copied where a kernel wants them by themselves.
        """
        run, batch = latent.tape.run, latent.axes[0]
        rows = latent.axes[1:-1] if run.phase is Phase.TRAIN else (Axis("keys", run.positions),)
        kv = self.kv_b_proj(ops.view(latent, "latents", batch, *rows, latent.axes[-1]))
        k = ops.elementwise("join", ops.part(kv, "k", Axis("heads", self.num_heads, self.qk_head_dim)), position)
        v = ops.part(kv, "v", Axis("heads", self.num_heads, self.v_head_dim))
        return k, ops.elementwise("copy", v) if run.kernels.sequence_first else v

    def absorbed(self, q: Tensor, latent: Tensor) -> Tensor:
        """Attention in the latent space: ``kv_b_proj`` is multiplied into each query and each output instead of
        expanding the cache at every step (DeepSeek-V2, section 2.1.2). ``transformers`` expands, and "torch" counts so.
        """
        run = q.tape.run
        rank, heads = self.kv_lora_rank, self.num_heads
        around = run.sequence * heads * rank * (self.qk_nope_head_dim + self.v_head_dim)
        over_cache = run.pairs(self.selected) * heads * (rank + self.qk_rope_head_dim + rank)
        expansion = run.pairs() * heads * rank * (self.qk_nope_head_dim + self.v_head_dim)
        dense = run.pairs() * heads * (self.qk_head_dim + self.v_head_dim)
        out = q.tape.tensor("attended", *q.axes[:-1], Axis("heads", heads, self.v_head_dim))
        q.tape.record(
            "attention",
            (q, latent, self.kv_b_proj.weight),
            (out,),
            work=Work(2 * run.batch * (around + over_cache)),
            counted={"torch": Work(2 * run.batch * (expansion + dense))},
        )
        return out
