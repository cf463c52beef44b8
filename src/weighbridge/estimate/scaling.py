"""What scaling laws say of a budget, a model size, a number of tokens, or a model trained on tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from weighbridge.errors import InputError, given
from weighbridge.estimate.middle import Middle, middle
from weighbridge.estimate.scaling_question import UNITS, Question, asked_of
from weighbridge.estimate.shown import Shown
from weighbridge.estimate.training_cost import Cost, Rate, rate_of
from weighbridge.hardware.cluster import Cluster
from weighbridge.laws import LAWS, ONLY_WITH, find
from weighbridge.laws.law import Allocation, Extra, Law, Span
from weighbridge.laws.muennighoff import Muennighoff
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.sardana import Lifetime, lifetime
from weighbridge.laws.uncertainty import Intervals, intervals

FAR = {"compute": 100.0, "parameters": 10.0, "tokens": 10.0}
"""Times outside the fitted range from which an answer lies far outside. A convention of this package: two orders of
magnitude of compute, and one of each of its factors."""


@dataclass(frozen=True)
class Outside:
    """A quantity of an answer that lies outside what its law was fitted on.

    Attributes:
        quantity: compute, parameters or tokens.
        value: of the answer.
        span: of the runs.
        times: how many times outside.
    """

    quantity: str
    value: float
    span: Span
    times: float

    @property
    def far(self) -> bool:
        """Whether that is far outside."""
        return self.times > FAR[self.quantity]


@dataclass(frozen=True)
class Answer:
    """What one law says.

    Attributes:
        law: which.
        compute: training FLOPs.
        model: parameters and tokens: the ones asked about, or the optimum.
        loss: predicted, in nats per token; ``None`` where the law has none there.
        best: the optimum of the same budget, where model and tokens were given.
        best_loss: predicted of it.
        intervals: that the uncertainty of the constants leaves likely; ``None`` where it is not known.
        lifetime: the model of least compute over training and inference, where tokens are served.
        cost: of training; ``None`` without a cluster.
        question: what was asked.
    """

    law: Law
    compute: float
    model: Allocation
    loss: float | None
    best: Allocation | None = None
    best_loss: float | None = None
    intervals: Intervals | None = None
    lifetime: Lifetime | None = None
    cost: Cost | None = None
    question: Question = field(default_factory=Question)

    @property
    def tokens_per_parameter(self) -> float:
        """How much the model is trained on."""
        return self.model.tokens / self.model.parameters

    @property
    def passes(self) -> float | None:
        """Passes over the unique tokens, where the law counts them."""
        unique = self.law.unique if isinstance(self.law, Muennighoff) else None
        return None if unique is None else max(1.0, self.model.tokens / unique)

    @cached_property
    def equal_budget(self) -> float | None:
        """FLOPs with which the law's optimum has the loss of the model asked about."""
        return None if self.best is None or self.loss is None else self.law.budget_for_loss(self.loss)

    @property
    def equal_share(self) -> float | None:
        """Those of the FLOPs that the model takes; ``None`` or 0 where there are none."""
        return None if self.equal_budget is None else self.equal_budget / self.compute

    def explained(self, quantity: str = "") -> Any:
        """A figure of the answer with its derivation.

        Args:
            quantity: one of :attr:`explainable`, the first if empty; of several figures under one name, the first.

        Raises:
            InputError: for another quantity, or one that this law has not.
        """
        from weighbridge.estimate.scaling_explained import figures

        return figures(self, quantity or self.explainable[0])[0]

    @property
    def explainable(self) -> tuple[str, ...]:
        """The figures that have a derivation."""
        from weighbridge.estimate.scaling_explained import there

        return there(self)

    @property
    def extras(self) -> tuple[Extra, ...]:
        """Further figures that the law gives for the budget."""
        return self.law.extras(self.compute)

    @cached_property
    def outside(self) -> tuple[Outside, ...]:
        """What lies outside the runs that the law was fitted on, the farthest first."""
        values = (
            ("compute", self.compute, self.law.fitted.compute),
            ("parameters", self.model.parameters, self.law.fitted.parameters),
            ("tokens", self.model.tokens, self.law.fitted.tokens),
        )
        found = [Outside(name, value, span, span.beyond(value)) for name, value, span in values if span is not None]
        return tuple(sorted((one for one in found if one.times > 1), key=lambda one: -one.times))

    @property
    def far(self) -> bool:
        """Whether any of it is far outside."""
        return any(one.far for one in self.outside)


@dataclass(frozen=True)
class Scaling(Shown):
    """What several laws say, side by side.

    Attributes:
        question: what was asked.
        answers: one per law.
        rate: of the cluster; ``None`` without one.
    """

    question: Question
    answers: tuple[Answer, ...]
    rate: Rate | None = None

    @property
    def parameters(self) -> Middle:
        """Parameters over the laws."""
        return middle([answer.model.parameters for answer in self.answers])

    @property
    def tokens(self) -> Middle:
        """Training tokens over the laws."""
        return middle([answer.model.tokens for answer in self.answers])

    @property
    def times_optimal(self) -> Middle | None:
        """Parameters over those of the same compute's optimum; ``None`` where the model is that optimum."""
        found = [answer.model.parameters / answer.best.parameters for answer in self.answers if answer.best]
        return middle(found) if found else None

    @property
    def unrepeated(self) -> list[str]:
        """Laws that know no repetition and take more tokens than there are."""
        unique = self.question.unique_tokens
        there = [] if unique is None else [a for a in self.answers if a.passes is None and a.model.tokens > unique]
        return [answer.law.name for answer in there]

    @property
    def one_budget(self) -> bool:
        """Whether all laws answer for the same compute."""
        return len({answer.compute for answer in self.answers}) == 1

    def of(self, name: str) -> Answer:
        """The answer of one law.

        Raises:
            InputError: for a law that was not asked.
        """
        for answer in self.answers:
            if answer.law.name == name:
                return answer
        raise InputError(f"law: {given(name)} was not asked; allowed: {', '.join(a.law.name for a in self.answers)}")


def scaling(
    compute: float | str | None = None,
    parameters: float | str | None = None,
    tokens: float | str | None = None,
    *,
    days: float | str | None = None,
    dollars: float | str | None = None,
    inference_tokens: float | str | None = None,
    unique_tokens: float | str | None = None,
    law: str | Law | Iterable[str | Law] | None = None,
    cluster: str | Path | Cluster | None = None,
    mfu: float | None = None,
    price: float | None = None,
    precision: str = "bf16",
    strict: bool = False,
) -> Scaling:
    """What scaling laws say. Numbers may be written as people do: ``"70B"``, ``"1.4T"``, ``5.76e23``.

    Args:
        compute: training FLOPs: gives the compute-optimal parameters, tokens and loss.
        parameters: of a model: alone, gives the tokens that are optimal for it; with tokens, its loss.
        tokens: of training: alone, gives the parameters that are optimal for them.
        days: of the cluster, in place of compute: the budget is what it computes in them.
        dollars: in place of compute, with a price: the budget is what they pay for.
        inference_tokens: tokens to be served: gives the model of equal loss with the least compute in all (Sardana).
        unique_tokens: tokens that there are, so that more are repetitions (Muennighoff).
        law: a law or several, by name or as objects; all by default.
        cluster: ``1024xH100``, a file, or a cluster, for days and GPU hours.
        mfu: the model FLOPs utilization that is expected of it.
        price: dollars per GPU and hour.
        precision: whose peak rate counts.
        strict: refuse answers far outside the range that a law was fitted on.

    Raises:
        InputError: for numbers, laws and combinations that cannot be answered.
    """
    rate = rate_of(cluster, mfu, price, precision)
    question = asked_of(
        rate,
        compute=compute,
        parameters=parameters,
        tokens=tokens,
        inference_tokens=inference_tokens,
        unique_tokens=unique_tokens,
        days=days,
        dollars=dollars,
    )
    chosen = chosen_laws(law, question)
    answers = tuple(_answer(one, question, rate) for one in chosen)
    if strict:
        _refuse_far(answers)
    return Scaling(question, answers, rate)


def chosen_laws(law: str | Law | Iterable[str | Law] | None, question: Question) -> list[Law]:
    """The laws that are asked: the named ones, else all, but those of :data:`ONLY_WITH` only where that is given."""
    if law is None:
        needs = {name: ONLY_WITH.get(name) for name in LAWS}
        named: Sequence[str | Law] = [n for n, need in needs.items() if not need or getattr(question, need) is not None]
    else:
        named = [law] if isinstance(law, str | Law) else list(law)
    found = {one.name: one for one in (one if isinstance(one, Law) else find(one) for one in named)}
    if not found:
        raise InputError(f"law: none given; allowed: {', '.join(LAWS)}")
    if question.unique_tokens is None:
        return list(found.values())
    if law is not None and not any(isinstance(one, Muennighoff) for one in found.values()):
        raise InputError("unique_tokens: none of these laws knows repetition; add muennighoff")
    unique = question.unique_tokens
    return [replace(one, unique=unique) if isinstance(one, Muennighoff) else one for one in found.values()]


def _answer(law: Law, question: Question, rate: Rate | None) -> Answer:
    compute, model = _asked(law, question)
    best = law.optimum(compute) if question.allocated else None
    loss = law.loss(model.parameters, model.tokens) if best else law.least_loss(compute)
    answer = Answer(
        law,
        compute,
        model,
        loss,
        best,
        law.least_loss(compute) if best else None,
        intervals(law, compute, model if best else None) if isinstance(law, Parametric) else None,
        cost=Cost(rate, compute) if rate else None,
        question=question,
    )
    if question.inference_tokens is None or not isinstance(law, Parametric) or question.unique_tokens is not None:
        return answer
    return replace(answer, lifetime=lifetime(law, model, question.inference_tokens))


def _asked(law: Law, question: Question) -> tuple[float, Allocation]:
    """The budget, and the model and tokens: as given, else the optimum."""
    compute, parameters, tokens = question.compute, question.parameters, question.tokens
    if parameters is not None and tokens is not None:
        return law.compute(parameters, tokens), Allocation(parameters, tokens)
    if compute is not None:
        if parameters is not None:
            return compute, Allocation(parameters, law.tokens_within(compute, parameters))
        if tokens is not None:
            return compute, Allocation(law.parameters_within(compute, tokens), tokens)
        return compute, law.optimum(compute)
    budget = law.budget_for_parameters(parameters) if parameters is not None else law.budget_for_tokens(tokens or 0)
    return budget, law.optimum(budget)


def _refuse_far(answers: tuple[Answer, ...]) -> None:
    """Refuse answers far outside.

    Raises:
        InputError: naming the laws, the quantity and the range.
    """
    far = [answer for answer in answers if answer.far]
    if not far:
        return
    one = next(out for out in far[0].outside if out.far)
    unit = UNITS[one.quantity][0]
    others = f", and {len(far) - 1} more laws" if len(far) > 2 else f", and {far[1].law.name}" if len(far) > 1 else ""
    raise InputError(
        f"{one.quantity}: {one.value:.3g} {unit} lie {one.times:,.3g} times outside the runs of {far[0].law.name} "
        f"({one.span.low:.3g} to {one.span.high:.3g}){others}; choose laws with --law, or leave out --strict"
    )
