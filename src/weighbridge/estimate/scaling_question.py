"""What scaling laws are asked: numbers as people write them, a budget by what a cluster gives, what cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weighbridge.errors import InputError
from weighbridge.estimate.training_cost import NEEDS_CLUSTER, Rate
from weighbridge.formats.amounts import amount
from weighbridge.laws.law import TRAINING_FLOPS

LEAST = 1000.0
"""Parameters or tokens that a budget must leave beside the other."""

UNITS = {
    "compute": ("FLOPs", "5.76e23", 1e12, 1e32),
    "days": ("days", "30", 1e-6, 1e6),
    "dollars": ("dollars", "1M", 1e-3, 1e15),
    "parameters": ("parameters", "70B", 1e3, 1e16),
    "tokens": ("tokens", "1.4T", 1e6, 1e18),
    "inference_tokens": ("tokens", "2T", 1.0, 1e20),
    "unique_tokens": ("tokens", "300B", 1e6, 1e18),
}
"""Of each number: its unit, an example, the smallest and the largest."""

BUDGETS = ("days", "dollars", "compute")
"""What says a budget; the first two by what a cluster gives for them."""


@dataclass(frozen=True)
class Question:
    """What is asked. One or two of the first three are given.

    Attributes:
        compute: training FLOPs; where days or dollars are given, those of them.
        parameters: of the model.
        tokens: of training.
        inference_tokens: that will be served.
        unique_tokens: that there are to train on.
        days: of the cluster, where they say the budget.
        dollars: that its hours may cost, where they say the budget.
    """

    compute: float | None = None
    parameters: float | None = None
    tokens: float | None = None
    inference_tokens: float | None = None
    unique_tokens: float | None = None
    days: float | None = None
    dollars: float | None = None

    @property
    def budget(self) -> str:
        """What says the budget, as far as anything does."""
        return next(name for name in BUDGETS if name == "compute" or getattr(self, name) is not None)

    @property
    def allocated(self) -> bool:
        """Whether the model and its tokens are given, so that they need not be an optimum."""
        return sum(value is not None for value in (self.compute, self.parameters, self.tokens)) == 2


def asked_of(rate: Rate | None, **numbers: float | str | None) -> Question:
    """The question of numbers, by the names of its fields.

    Raises:
        InputError: for numbers and combinations that cannot be answered.
    """
    question = _spending(Question(**{name: _amount(name, value) for name, value in numbers.items()}), rate)
    _check(question)
    return question


def _amount(field: str, value: float | str | None) -> float | None:
    unit, example, least, most = UNITS[field]
    return None if value is None else amount(value, field, least, most, unit, example)


def _spending(question: Question, rate: Rate | None) -> Question:
    """The question with the compute that its days or dollars come to.

    Raises:
        InputError: for several of them, for those without a cluster or a price, and where the compute is out of bounds.
    """
    said = [name for name in reversed(BUDGETS) if getattr(question, name) is not None]
    if len(said) > 1:
        raise InputError(f"{', '.join(said)}: each says the budget; give one of them")
    if question.budget == "compute":
        return question
    if rate is None:
        raise InputError(f"{said[0]}: {NEEDS_CLUSTER}")
    compute = rate.compute_of(question.budget, getattr(question, question.budget))
    unit, _, least, most = UNITS["compute"]
    if not least <= compute <= most:
        raise InputError(f"{said[0]}: on {rate.cluster} that is {compute:.3g} {unit}; allowed is {least:g} to {most:g}")
    return replace(question, compute=compute)


def _check(question: Question) -> None:
    firsts = [question.budget, "parameters", "tokens"]
    given_ones = [name for name in firsts if getattr(question, name) is not None]
    if not given_ones:
        raise InputError("compute, parameters, tokens: none given; give one or two of them")
    if len(given_ones) == 3:
        raise InputError(f"{', '.join(firsts)}: got all three, of which two give the third; leave one out")
    for name, other in (("parameters", "token"), ("tokens", "parameter")):
        value = getattr(question, name)
        if question.compute is not None and value is not None and question.compute < TRAINING_FLOPS * value * LEAST:
            few = f"{question.compute:.3g} FLOPs at {value:.3g} {name} leave fewer than {LEAST:,.0f} {other}s"
            raise InputError(f"{question.budget}: {few}; give more compute or fewer {name}")
