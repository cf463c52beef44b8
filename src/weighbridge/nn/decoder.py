"""Decoder layers, the head, and the language model that they make up."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from weighbridge.arithmetic import Count
from weighbridge.nn import ops
from weighbridge.nn.last_graph import last_graph
from weighbridge.nn.linear import Linear
from weighbridge.nn.loss import IN_HEAD, cross_entropy
from weighbridge.nn.module import Module, Repeat
from weighbridge.nn.norm import CountedLayerNorm, CountedNorm, RMSNorm
from weighbridge.tape import Axis, Tensor, Use, Weight, Work
from weighbridge.traced import same_kind
from weighbridge.tree import Kind

K = TypeVar("K", bound=Hashable)

Norm = Callable[[Count], Module]
"""What makes a normalisation of a given size: ``RMSNorm`` or ``LayerNorm``."""


class DecoderLayer(Module):
    """Pre-norm residual branches: a mixer (attention, linear attention, state space) and a feed-forward network, or one
    of them alone.

    Attributes:
        hidden_size: width of the residual stream.
        mixer: what mixes positions; ``None`` for a layer that has only a feed-forward network.
        feed_forward: what works on each position; ``None`` for a layer that has only a mixer.
        norm: what normalises the input of each branch.
        sandwich: normalise the output of each branch too (Gemma 2).
        pre_norm: normalise the input of each branch; without it and with ``sandwich``, only outputs are (OLMo 2).
    """

    note: ClassVar[str] = "residual branches"

    hidden_size: Count
    mixer: Module | None
    feed_forward: Module | None = None
    norm: Norm = RMSNorm
    sandwich: bool = False
    pre_norm: bool = True

    def build(self) -> None:
        self.steps: list[tuple[Module | None, Module, Module | None]] = []
        for branch in (self.mixer, self.feed_forward):
            if branch is not None:
                before = self.norm(self.hidden_size) if self.pre_norm and not branch.norms_itself else None
                after = self.norm(self.hidden_size) if self.sandwich else None
                if before is not None:
                    self.register(f"{branch.title}_norm", before)
                self.register(branch.title, branch)
                if after is not None:
                    self.register(f"post_{branch.title}_norm", after)
                self.steps.append((before, branch, after))

    def forward(self, x: Tensor) -> Tensor:
        for before, branch, after in self.steps:
            y = x if before is None else normed(x, before, branch)
            with x.tape.segment(branch.title):
                y = branch(y)
            x = ops.residual(x, after(y) if after is not None else y)
        return x


def normed(x: Tensor, norm: Module, branch: Module) -> Tensor:
    """The stream, normalised for a branch."""
    fused = x.tape.run.kernels.fuses_norms and branch.fuses_norm
    place = "attn_norm" if branch.branch == "mixer" else "mlp_norm"
    with x.tape.segment(place), x.tape.segment("fused norm" if fused else "layernorm"):
        return norm(x)


class Head(Module):
    """Projects the last hidden state to one score per token of the vocabulary.

    Attributes:
        hidden_size: width of the residual stream.
        vocab_size: scores per position.
        tied: it uses the embedding's weight and has none of its own.
        bias: a bias per score.
        capped: scores go through a hyperbolic tangent (Gemma 2).
    """

    kind = Kind.HEAD

    hidden_size: Count
    vocab_size: Count
    tied: bool = False
    bias: bool = False
    capped: bool = False

    def build(self) -> None:
        vocabulary = Axis("vocabulary", self.vocab_size)
        if not self.tied:
            self.weight = Weight((vocabulary, Axis("hidden", self.hidden_size)))
        if self.bias:
            self.offset = Weight((vocabulary,))

    def forward(self, x: Tensor, table: Weight | None = None) -> Tensor:
        hidden, vocabulary = Axis("hidden", self.hidden_size), Axis("vocabulary", self.vocab_size)
        weights = (*self.weights.values(), *([table] if table is not None and self.tied else []))
        whole = ops.gathered(x)
        together = IN_HEAD.get(x.tape.run.kernels.loss)
        if together is not None:
            multiply = 2 * whole.rows * self.hidden_size * self.vocab_size
            work = ops.twice(multiply) if ops.trains(*weights) else Work(multiply, multiply)
            return together(whole, vocabulary, weights, work)
        logits = ops.matmul(whole, hidden, vocabulary, weights, use=Use.LOGITS, buffered=True)
        if x.tape.run.kernels.keeps_last_graph:
            last_graph(logits)
        return capped(logits) if self.capped else logits


def capped(logits: Tensor) -> Tensor:
    """Scores divided by a cap, their hyperbolic tangent, times the cap. Keeps the tangent (Gemma 2 2024, section 2)."""
    tangent, made = (logits.tape.tensor(name, *logits.axes, use=Use.LOGITS) for name in ("tangent", "capped"))
    logits.tape.record("tanh", (logits,), (tangent,), (tangent,))
    logits.tape.record("scale", (tangent,), (made,))
    return made


class MultiTokenPrediction(Module):
    """Extra layers that predict further tokens in training (DeepSeek-V3 2024, section 2.2). Each joins the hidden state
    with the embedding of the next token, projects both back to the hidden size and runs one decoder layer. Embedding
    and head are the main model's; tensor parallel ranks share the rows of the joint projection and gather its result.
    Counted apart from the model's total, as ``transformers`` leaves them out.

    Attributes:
        hidden_size: width of the residual stream.
        vocab_size: scores per position of the shared head.
        layer: the decoder layer.
        layer_norm: its own normalisations are layer normalisations, with a bias.
    """

    note: ClassVar[str] = "counted apart"
    source: ClassVar[str] = "DeepSeek-V3 (2024), eq. 21-23"
    apart: ClassVar[bool] = True

    hidden_size: Count
    vocab_size: Count
    layer: Module
    layer_norm: bool = False

    def build(self) -> None:
        norm = CountedLayerNorm if self.layer_norm else CountedNorm
        self.hidden_norm = norm(self.hidden_size)
        self.embedding_norm = norm(self.hidden_size)
        self.joint_proj = Linear(Axis("hidden", 2, self.hidden_size), Axis("joint", self.hidden_size))
        self.register("layer", self.layer)
        self.norm = norm(self.hidden_size)
        self.head = Head(self.hidden_size, self.vocab_size, tied=True)

    def forward(self, x: Tensor, tokens: Tensor, table: Weight) -> Tensor:
        embedded = ops.dropout(ops.lookup(tokens, table, x.axes[-1]))
        joined = x.tape.tensor("joined", *x.axes[:-1], Axis("hidden", 2, self.hidden_size))
        x.tape.record("join", (self.hidden_norm(x), self.embedding_norm(embedded)), (joined,))
        shares = self.joint_proj(joined)
        inside = x.tape.tensor("both", *x.axes)
        x.tape.record("gather", (shares,), (inside,))
        return cross_entropy(self.head(self.norm(self.layer(inside))))


class CausalLM(Module):
    """A decoder-only language model: embedding, layers, final norm, head.

    Attributes:
        embedding: makes hidden states of tokens.
        layers: runs of equal layers; each is written once.
        norm: the final norm.
        head: makes scores of hidden states.
        prediction: multi-token prediction modules, counted apart.
    """

    embedding: Module
    layers: tuple[Repeat, ...]
    norm: Module
    head: Module
    prediction: Repeat | None = None

    def build(self) -> None:
        self.register("embedding", self.embedding)
        for run in self.layers:
            self.register(run.name, run)
        self.register("final_norm", self.norm)
        self.register("head", self.head)
        if self.prediction is not None:
            self.register("multi_token_prediction", self.prediction)

    def forward(self, tokens: Tensor) -> Tensor:
        run = tokens.tape.run
        x = self.norm(self.run_layers(ops.dropout(self.embedding(tokens))))
        if self.prediction is not None and run.prediction:
            self.prediction(x, tokens, self.table)
        if run.last_logits:
            x = ops.view(x, "last", x.axes[0], Axis("sequence", 1), x.axes[-1])
        return cross_entropy(self.head(x, self.table))

    def run_layers(self, x: Tensor) -> Tensor:
        """All layers, one run of equal ones after another."""
        for layers in self.layers:
            x = layers(x)
        return x

    @property
    def table(self) -> Weight:
        """The token table, which a tied head reads."""
        token: Any = self.embedding
        while hasattr(token, "token"):
            token = token.token
        return token.weight  # type: ignore[no-any-return]


def stack(
    kinds: Sequence[K], block: Callable[[K], Module], layers: Count, counts: Mapping[K, Count] | None = None
) -> tuple[Repeat, ...]:
    """Layers of a pattern, equal ones folded: one :class:`Repeat` per kind, in order of first appearance.

    Args:
        kinds: the kind of each layer, in order: a word, or a tuple of words.
        block: makes the layer of a kind.
        layers: the configuration's number of layers; counts are traced if it is.
        counts: how the configuration says how many layers of a kind there are, where it does.
    """
    distinct = list(dict.fromkeys(kinds))
    if len(distinct) == 1:
        return (Repeat(block(distinct[0]), layers),)
    places: dict[K, list[int]] = {kind: [] for kind in distinct}
    for place, kind in enumerate(kinds):
        places[kind].append(place)
    runs = []
    for kind, name in zip(distinct, _names(distinct), strict=True):
        count = same_kind(len(places[kind]), f"num_{name}", layers)
        given = (counts or {}).get(kind, count)
        runs.append(Repeat(block(kind), given, places=tuple(places[kind]), name=name))
    return tuple(runs)


def _names(kinds: Sequence[Hashable]) -> list[str]:
    """What layers of each kind are called: the words in which kinds differ."""
    tuples = [kind if isinstance(kind, tuple) else (kind,) for kind in kinds]
    differ = [len(set(words)) > 1 for words in zip(*tuples, strict=True)]
    names = ["_".join(str(w) for w, tells in zip(kind, differ, strict=True) if tells) + "_layers" for kind in tuples]
    return [re.sub(r"\W", "_", name) for name in names]
