"""Lightning attention: linear attention whose state decays by a fixed factor per head."""

from __future__ import annotations

from typing import ClassVar

from weighbridge.arithmetic import Count, ceil_div, floor_div, maximum, minimum
from weighbridge.nn import ops
from weighbridge.nn.linear import Linear
from weighbridge.nn.module import Module
from weighbridge.nn.norm import RMSNorm
from weighbridge.nn.recurrence import recurrence
from weighbridge.tape import Axis, Joined, Phase, Tensor, Weight, Work
from weighbridge.tree import Kind


class LightningAttention(Module):
    """Activated queries, keys and values, a state of key by value elements per head, and a normalised result that a
    sigmoid gates (Qin et al. 2024, Lightning Attention-2, algorithm 1; MiniMax-01 2025).

    Attributes:
        hidden_size: width of the residual stream.
        num_heads: heads.
        head_dim: elements per head.
        block: positions that the parallel form works on at once.
    """

    kind = Kind.LINEAR_ATTENTION
    branch = "mixer"
    title = "linear_attention"
    note: ClassVar[str] = "lightning attention: a fixed decay per head"
    source: ClassVar[str] = "Qin et al. 2024, algorithm 1; MiniMax-01 (2025)"

    hidden_size: Count
    num_heads: Count
    head_dim: Count
    block: Count = 256

    def build(self) -> None:
        hidden, heads, one = Axis("hidden", self.hidden_size), self.heads, Axis("one", 1)
        self.qkv_proj = Linear(hidden, Joined((heads, heads, heads)))
        self.output_gate = Linear(hidden, heads)
        self.norm = RMSNorm(heads.size, "heads")
        self.out_proj = Linear(heads, hidden)
        # decays of the state, of queries, of keys and within a block, which transformers stores
        each, block = Axis("heads", self.num_heads), Axis("block", self.block)
        shapes = ((one, one), (block, one), (block, one), (block, block))
        self.decays = [Weight((each, *shape), buffer=True) for shape in shapes]

    @property
    def heads(self) -> Axis:
        """The axis of all heads."""
        return Axis("heads", self.num_heads, self.head_dim)

    def forward(self, x: Tensor) -> Tensor:
        x = ops.gathered(x)
        qkv = ops.activation("silu", self.qkv_proj(x))
        attended = self.norm(self.attend(qkv))
        return self.out_proj(ops.multiply(ops.activation("sigmoid", self.output_gate(x)), attended))

    def attend(self, qkv: Tensor) -> Tensor:
        """Update the state token by token and read it with the query. PyTorch counts the matrix multiplies of the form
        in blocks that ``transformers`` runs on a prompt, and those of every step after it. The state has the data type
        of the values.
        """
        run = qkv.tape.run
        stepped = Work(2 * run.batch * run.sequence * 2 * self.heads.size * self.head_dim)
        counted = {"torch": stepped if run.phase is Phase.DECODE else self.blocks(run.batch, run.sequence)}
        state = (self.heads, Axis("value", self.head_dim))
        blocks = self.kept(qkv) if run.kernels.written_out and run.phase is Phase.TRAIN else None
        weights = tuple(self.decays)
        return recurrence("lightning attention", (qkv,), weights, self.heads, state, 2, counted, None, blocks)

    def kept(self, qkv: Tensor) -> tuple[Tensor, ...]:
        """What all blocks keep where they are written out (transformers, MiniMaxLightningAttention.forward): copies of
        queries, keys and values, scores within a block and the state before it; of all blocks but the first its decayed
        queries; of all but the last its decayed keys and its values again; of those between, their decay. Each is one
        tensor here: with more than one block their sizes are sums over blocks.
        """
        run, tape, one = qkv.tape.run, qkv.tape, Axis("heads", self.num_heads)
        sequence, blocks = run.sequence, ceil_div(run.sequence, self.block)
        later = sequence - minimum(sequence, self.block)
        earlier = (blocks - 1) * self.block

        def rows(name: str, positions: Count) -> Tensor:
            return tape.tensor(name, qkv.axes[0], Axis("positions", positions), self.heads)

        own = [rows(f"{name} by blocks", sequence) for name in ("queries", "keys", "values")]
        own += [rows("decayed queries", later), rows("decayed keys", earlier), rows("values again", earlier)]
        states = Axis("states", blocks, self.head_dim)
        between = Axis("blocks", maximum(blocks - 2, 0))
        return (
            *own,
            tape.tensor("scores within blocks", qkv.axes[0], one, Axis("pairs", self.pairs(sequence))),
            tape.tensor("states before blocks", qkv.axes[0], self.heads, states),
            tape.tensor("decays between", one, between),
        )

    def pairs(self, sequence: Count) -> Count:
        """Queries and keys of the same block, masked or not."""
        whole = floor_div(sequence, self.block)
        rest = sequence - whole * self.block
        return whole * self.block * self.block + rest * rest

    def blocks(self, batch: Count, sequence: Count) -> Work:
        """Matrix multiplies of the form in blocks (transformers, MiniMaxLightningAttention): scores and results within
        every block, then the state read by queries and its update. Backward, the first block's state and the last
        block's update need no gradient.
        """
        d, last = self.head_dim, ceil_div(sequence, self.block) - 1
        forward = 2 * self.pairs(sequence) * d + 2 * sequence * d * d
        spared = (minimum(sequence, self.block) + 2 * (sequence - last * self.block)) * d * d
        per_head = 2 * batch * self.num_heads
        return Work(per_head * forward, per_head * (2 * forward - spared))
