"""What every scaling law answers, and on what it was fitted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from weighbridge.arithmetic import maximum, ratio

TRAINING_FLOPS = 6.0
"""FLOPs of training per parameter and token: 2 forward, 4 backward (Kaplan et al. 2020, section 2.1)."""

SERVING_FLOPS = 2.0
"""FLOPs of inference per parameter and token (Sardana et al. 2023, section 2)."""


@dataclass(frozen=True)
class Span:
    """From the least to the largest value of a quantity among the runs that a law was fitted on."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high

    def beyond(self, value: float) -> float:
        """How many times a value lies below the least or above the largest; 1 inside."""
        return maximum(maximum(1.0, ratio(self.low, value)), ratio(value, self.high))


@dataclass(frozen=True)
class Fitted:
    """The runs that a law was fitted on.

    Attributes:
        source: where the spans were read.
        compute: training FLOPs of a run; ``None`` where the paper does not say.
        parameters: parameters, as the law counts them.
        tokens: training tokens.
    """

    source: str
    compute: Span | None = None
    parameters: Span | None = None
    tokens: Span | None = None


@dataclass(frozen=True)
class Allocation:
    """What a compute budget is spent on.

    Attributes:
        parameters: of the model, as the law counts them.
        tokens: that it is trained on.
    """

    parameters: float
    tokens: float


@dataclass(frozen=True)
class Extra:
    """A further figure that a law gives: a batch size, a learning rate.

    Attributes:
        name: what it is.
        value: the figure.
        unit: of it.
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True, kw_only=True)
class Law:
    """A scaling law: its constants, where they were read, and what it was fitted on.

    Attributes:
        name: what the command line calls it.
        title: for people.
        source: paper, equation or table of the constants.
        data: what the runs were trained on.
        fitted: the runs' sizes.
        note: what the reader should know.
        flops_per: training FLOPs per parameter and token.
    """

    counts: ClassVar[str] = "parameters"
    """What the law's number of parameters counts."""

    name: str
    title: str
    source: str
    data: str
    fitted: Fitted
    note: str = ""
    flops_per: float = TRAINING_FLOPS

    def compute(self, parameters: float, tokens: float) -> float:
        """Training FLOPs."""
        return self.flops_per * parameters * tokens

    def closed(self, compute: float) -> bool:
        """Whether the optimum of a budget is a formula; else it is found by a search."""
        return True

    def tokens_within(self, compute: float, parameters: float) -> float:
        """Tokens that a budget trains a model on."""
        return ratio(compute, self.flops_per * parameters)

    def parameters_within(self, compute: float, tokens: float) -> float:
        """Parameters of the model that a budget trains on so many tokens."""
        return ratio(compute, self.flops_per * tokens)

    def optimum(self, compute: float) -> Allocation:
        """Compute-optimal parameters and tokens of a budget in FLOPs."""
        raise NotImplementedError

    def budget_for_parameters(self, parameters: float) -> float:
        """FLOPs of the budget whose optimum has so many parameters."""
        raise NotImplementedError

    def budget_for_tokens(self, tokens: float) -> float:
        """FLOPs of the budget whose optimum has so many tokens."""
        raise NotImplementedError

    def loss(self, parameters: float, tokens: float) -> float | None:
        """Predicted loss in nats per token; ``None`` where the law has none for any allocation."""
        return None

    def least_loss(self, compute: float) -> float | None:
        """Predicted loss at the optimum of a budget."""
        best = self.optimum(compute)
        return self.loss(best.parameters, best.tokens)

    def budget_for_loss(self, loss: float) -> float | None:
        """FLOPs of the budget whose optimum has that loss; ``None`` without a loss, or below the law's lowest."""
        return None

    def extras(self, compute: float) -> tuple[Extra, ...]:
        """Further figures for a budget."""
        return ()

    def constants(self) -> dict[str, float]:
        """The law's fitted constants by name, each once."""
        own = {field.name for field in fields(Law)} | {"covariance", "unique"}
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in own}

    def total_parameters(self, parameters: float) -> float | None:
        """All parameters of a model of so many active ones; ``None`` where all are active."""
        return None
