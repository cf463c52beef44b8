"""Figures of scaling laws with their derivations, down to what was asked and to the laws' constants.

Every figure is the law's own method over a traced copy of the law. What only a search finds is a number that says so,
and what is made of it is a formula again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from weighbridge.arithmetic import ratio
from weighbridge.errors import InputError, given
from weighbridge.estimate.training_cost import Cost, Rate
from weighbridge.laws.krajewski import Krajewski
from weighbridge.laws.law import Allocation, Span
from weighbridge.laws.muennighoff import Muennighoff
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.sardana import Lifetime
from weighbridge.traced import Label, identifier, named, stated, symbol, trace

if TYPE_CHECKING:
    from weighbridge.estimate.scaling import Answer, Scaling

COMPUTE = Label("C", "FLOPs", "of training")
SIZE = Label("N", "parameters", "that the budget leaves")
TOKENS = Label("D", "tokens", "that the budget leaves")
LOSS = Label("loss", "nats per token", "", "Krajewski et al. 2024, eq. 9")
EXPERTS = "Krajewski et al. 2024, section 6.1"
SERVING = "Sardana et al. 2023, section 2"
MIDDLE, COST = "middle", "cost"
"""Lines of all laws together, and of what a budget costs."""

FOUND = "found by a search: there is no formula"


@dataclass(frozen=True)
class Derived:
    """The figures of one law's answer as traced numbers.

    Attributes:
        answer: of the law.
    """

    answer: Answer

    @cached_property
    def law(self) -> Any:
        """The law, traced."""
        return trace(self.answer.law)

    @cached_property
    def closed(self) -> bool:
        """Whether the optimum is a formula."""
        return self.answer.law.closed(self.answer.compute)

    @cached_property
    def once(self) -> Any:
        """The law, traced, as it is where nothing is repeated: what a closed optimum is made of."""
        law = self.answer.law
        return trace(replace(law, unique=None)) if isinstance(law, Muennighoff) else self.law

    @cached_property
    def compute(self) -> Any:
        """FLOPs: as asked, of the model that was asked about, or of the optimum of so many parameters or tokens."""
        asked, cost = self.answer.question, self.answer.cost
        if cost is not None and asked.budget != "compute":
            spent = symbol(f"{asked.budget}_given", getattr(asked, asked.budget), asked.budget)
            return named(_rate(cost.rate).compute_of(asked.budget, spent), COMPUTE)
        if asked.compute is not None:
            return symbol("C", asked.compute, "FLOPs")
        if asked.allocated:
            size, tokens = self.model.parameters, self.model.tokens
            mixed = isinstance(self.answer.law, Krajewski)
            each = self.law.flops_per_token(size, self.granularity) if mixed else 0
            return named(each * tokens if mixed else self.law.compute(size, tokens), COMPUTE)
        if not self.closed:
            return _found("C", self.answer.compute, "FLOPs")
        if asked.parameters is not None:
            return named(self.once.budget_for_parameters(symbol("N_given", asked.parameters)), COMPUTE)
        return named(self.once.budget_for_tokens(symbol("D_given", asked.tokens)), COMPUTE)

    @cached_property
    def model(self) -> Allocation:
        """Parameters and tokens of the answer."""
        asked = self.answer.question
        if not asked.allocated:
            return self.optimum
        size, tokens = asked.parameters, asked.tokens
        if tokens is None:
            return Allocation(symbol("N", size), self._left(TOKENS, self.answer.model.tokens, symbol("N", size)))
        if size is None:
            return Allocation(self._left(SIZE, self.answer.model.parameters, symbol("D", tokens)), symbol("D", tokens))
        return Allocation(symbol("N", size), symbol("D", tokens))

    def _left(self, label: Label, value: float, beside: Any) -> Any:
        """Tokens or parameters that the budget leaves beside the other."""
        if isinstance(self.answer.law, Krajewski):
            return _found(label.symbol, value, label.unit)
        within = self.law.tokens_within if label is TOKENS else self.law.parameters_within
        return named(within(self.compute, beside), label)

    @cached_property
    def optimum(self) -> Allocation:
        """Parameters and tokens of the optimum of the same compute, called so where another model was asked about."""
        found = self._optimum()
        if not self.answer.question.allocated:
            return found
        return Allocation(_called(found.parameters, "N_optimal"), _called(found.tokens, "D_optimal"))

    def _optimum(self) -> Allocation:
        best = self.answer.best or self.answer.model
        if self.closed:
            found: Allocation = self.once.optimum(self.compute)
            return found
        size = _found("N", best.parameters, "parameters")
        law = self.answer.law
        if not isinstance(law, Krajewski):
            return Allocation(size, named(self.law.tokens_within(self.compute, size), TOKENS))
        each = self.law.flops_per_token(size, self.best_granularity)
        return Allocation(size, named(ratio(self.compute, each), TOKENS))

    @cached_property
    def granularity(self) -> Any:
        """Of the experts of the model, by Krajewski's law."""
        law, model = self.answer.law, self.answer.model
        assert isinstance(law, Krajewski)
        if not self.answer.question.allocated:
            return self.best_granularity
        return _found("granularity", law.granularity(model.parameters, model.tokens), "")

    @cached_property
    def best_granularity(self) -> Any:
        """Of the experts of the optimum, by Krajewski's law."""
        assert isinstance(self.answer.law, Krajewski)
        return _found("granularity", self.answer.law.best(self.answer.compute)[1], "")

    def loss(self, best: bool) -> Any:
        """Of the optimum, or of the model that was asked about."""
        model = self.optimum if best else self.model
        if isinstance(self.answer.law, Krajewski):
            granularity = self.best_granularity if best else self.granularity
            return named(self.law.loss_of(model.parameters, model.tokens, granularity), LOSS)
        if best and not isinstance(self.answer.law, Parametric):
            return self.law.least_loss(self.compute)
        return self.law.loss(model.parameters, model.tokens)


def _found(name: str, value: float, unit: str) -> Any:
    """A number that a search found, with a line of its own that says so."""
    return stated(value, Label(name, unit, FOUND))


def _called(figure: Any, name: str) -> Any:
    """A figure under another name, with what there is to say about it."""
    return named(figure, replace(figure.label, symbol=name))


def _loss(of: Derived) -> list[Any]:
    return [of.loss(best=of.answer.best is None)]


def _optimum(of: Derived) -> list[Any]:
    best = of.optimum
    return [best.parameters, best.tokens, *([] if of.answer.best_loss is None else [of.loss(best=True)])]


def _equal_loss(of: Derived) -> list[Any]:
    """FLOPs with which the optimum has the model's loss, and those over the model's own."""
    law, label = of.answer.law, Label("equal_loss_compute", "FLOPs", "of the optimum with the same loss")
    budget: Any = _found(label.symbol, of.answer.equal_budget or 0.0, label.unit)
    if isinstance(law, Parametric) and of.closed and getattr(law, "unique", None) is None:
        budget = named(of.law.budget_above(of.loss(best=False) - of.law.e), label)
    return [budget, named(ratio(budget, of.compute), Label("equal_loss_share", "", "of the model's own FLOPs"))]


def _lifetime(of: Derived) -> list[Any]:
    """The model of least compute over training and serving."""
    found = of.answer.lifetime
    assert found is not None
    served, tokens = symbol("T", found.served), _found("lifetime_tokens", found.best.tokens, "tokens")
    life = Lifetime(of.law, of.model, served, Allocation(0, tokens))
    size: Any = named(life.size, Label("lifetime_parameters", "parameters", "with which the loss is the same"))
    life = replace(life, best=Allocation(size, tokens))
    return [
        size,
        tokens,
        named(of.law.compute(size, tokens), Label("training_flops", "FLOPs", "of training")),
        named(life.flops(life.best), Label("total_flops", "FLOPs", "of training and of serving", SERVING)),
        named(life.saved, Label("saved", "", "of the FLOPs of training and of serving", SERVING)),
    ]


def _extras(of: Derived) -> list[Any]:
    if isinstance(of.answer.law, Krajewski):
        label = Label("all_parameters", "parameters", "of all experts", EXPERTS)
        return [of.best_granularity, named(of.law.total_parameters(of.optimum.parameters), label)]
    return [named(one.value, Label(identifier(one.name.lower()), one.unit)) for one in of.law.extras(of.compute)]


def _outside(of: Derived) -> list[Any]:
    """How many times each quantity lies beyond the runs of the law, the farthest first."""
    figures = {"compute": of.compute, "parameters": of.model.parameters, "tokens": of.model.tokens}
    source = of.answer.law.fitted.source
    made = []
    for one in of.answer.outside:
        runs = Span(symbol("smallest_run", one.span.low), symbol("largest_run", one.span.high))
        made.append(named(runs.beyond(figures[one.quantity]), Label(f"{one.quantity}_outside", "times", "", source)))
    return made


def _cost(of: Derived) -> list[Any]:
    assert of.answer.cost is not None
    cost = Cost(_rate(of.answer.cost.rate), of.compute)
    return [one for one in (cost.days, cost.gpu_hours, cost.dollars) if one is not None]


def _rate(rate: Rate) -> Rate:
    """What a cluster gives, traced, and where its device's rate was read."""
    traced, device, name = trace(rate), rate.cluster.device, rate.precision
    label = Label("peak", "FLOP/s", "of one GPU, dense", device.sources.get(f"peak_flops.{name}", ""))
    peak: Any = stated(device.peak(name), label)
    known = replace(traced.cluster.device, peak_flops={name: peak})
    return replace(traced, cluster=replace(traced.cluster, device=known))


def _ratio(of: Derived) -> list[Any]:
    return [named(ratio(of.model.tokens, of.model.parameters), Label("tokens_per_parameter"))]


def _all_parameters(of: Derived) -> list[Any]:
    label = Label("total_parameters", "parameters", "of all experts", EXPERTS)
    return [named(of.law.total_parameters(of.model.parameters), label)]


MADE: dict[str, tuple[Callable[[Answer], bool], Callable[[Derived], list[Any]]]] = {
    "parameters": (
        lambda answer: not (answer.question.allocated and answer.question.parameters is not None),
        lambda of: [of.model.parameters],
    ),
    "tokens": (
        lambda answer: not (answer.question.allocated and answer.question.tokens is not None),
        lambda of: [of.model.tokens],
    ),
    "tokens_per_parameter": (lambda answer: True, _ratio),
    "total_parameters": (lambda answer: answer.law.total_parameters(1.0) is not None, _all_parameters),
    "compute": (
        lambda answer: answer.question.compute is None or answer.question.budget != "compute",
        lambda of: [of.compute],
    ),
    "loss": (lambda answer: answer.loss is not None, _loss),
    "optimum": (lambda answer: answer.best is not None, _optimum),
    "equal_loss": (lambda answer: answer.equal_budget is not None, _equal_loss),
    "lifetime": (lambda answer: answer.lifetime is not None, _lifetime),
    "extras": (lambda answer: bool(answer.extras), _extras),
    "outside": (lambda answer: bool(answer.outside), _outside),
    COST: (lambda answer: answer.cost is not None, _cost),
}
"""Figures of an answer: whether there are any, and what makes them."""

LINES = (*MADE, MIDDLE)
"""What can be explained."""


def there(answer: Answer) -> tuple[str, ...]:
    """Figures that an answer has; what was asked with is none."""
    return tuple(name for name, (known, _) in MADE.items() if known(answer))


def figures(answer: Answer, name: str) -> list[Any]:
    """The traced numbers of a figure.

    Raises:
        InputError: for one that the answer has not.
    """
    known = there(answer)
    if name not in known:
        raise InputError(f"quantity: got {given(name)}; {answer.law.name} has: {', '.join(known)}")
    return MADE[name][1](Derived(answer))


def usual(answer: Answer) -> list[Any]:
    """The loss, and the optimum's figures that it is not made of."""
    derived = Derived(answer)
    inside = answer.best is not None or isinstance(answer.law, Parametric | Krajewski)
    own = [] if inside else [derived.model.tokens]
    return [*own, *([] if answer.loss is None else _loss(derived))]


def middles(result: Scaling) -> list[Any]:
    """Of each figure over the laws its median, its least and its largest."""
    derived = [Derived(answer) for answer in result.answers]
    if result.times_optimal is not None:
        times = [(one, ratio(one.model.parameters, one.optimum.parameters)) for one in derived if one.answer.best]
        return _spread("times_optimal", "", times)
    sizes, tokens = ([(one, getattr(one.model, name)) for one in derived] for name in ("parameters", "tokens"))
    return [*_spread("parameters", "parameters", sizes), *_spread("tokens", "tokens", tokens)]


def _spread(name: str, unit: str, found: list[tuple[Derived, Any]]) -> list[Any]:
    """The middle, the least and the largest of figures by law."""
    rising = sorted(found, key=lambda one: one[1].value)
    own = [named(value, _label(name, unit, of, value)) for of, value in rising]
    titles, half = [of.answer.law.title for of, _ in rising], len(rising) // 2
    if len(rising) == 1:
        return [named(own[0], Label(f"{name}_middle", unit, "", titles[0]))]
    odd = len(rising) % 2
    middle: Any = own[half] if odd else ratio(own[half - 1] + own[half], 2)
    return [
        named(middle, Label(f"{name}_middle", unit, "median of the laws", titles[half] if odd else "")),
        named(own[0], Label(f"{name}_low", unit, "least of the laws", titles[0])),
        named(own[-1], Label(f"{name}_high", unit, "largest of the laws", titles[-1])),
    ]


def _label(name: str, unit: str, of: Derived, value: Any) -> Label:
    """What a law's own figure is called among the others'."""
    source = value.label.source if value.label is not None else ""
    return Label(f"{name}_{identifier(of.answer.law.name)}", unit, of.answer.law.title, source)
