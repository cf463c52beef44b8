"""Laws of the form ``L = E + A / N**alpha + B / D**beta`` (Hoffmann et al. 2022, eq. 2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from weighbridge.arithmetic import power, ratio
from weighbridge.laws.law import Allocation, Law
from weighbridge.traced import Label, named

Matrix = tuple[tuple[float, ...], ...]

LOSS = Label("loss", "nats per token", "", "Hoffmann et al. 2022, eq. 2")
BALANCE = Label("G", "", "", "Hoffmann et al. 2022, eq. 4")
EXPONENT = Label("a", "", "exponent of optimal parameters", "Hoffmann et al. 2022, eq. 4")
PARAMETERS = Label("N", "parameters", "compute-optimal", "Hoffmann et al. 2022, eq. 4")
TOKENS = Label("D", "tokens", "compute-optimal", "Hoffmann et al. 2022, eq. 4")


@dataclass(frozen=True, kw_only=True)
class Parametric(Law):
    """A loss that is the entropy of the text, what a finite model adds, and what finite data add.

    Attributes:
        e: ``E``, the loss that neither parameters nor tokens take away, in nats per token.
        a: ``A``, the weight of the term of parameters.
        b: ``B``, the weight of the term of tokens.
        alpha: exponent of parameters.
        beta: exponent of tokens.
        covariance: of ``ln A``, ``ln B``, ``ln E``, ``alpha`` and ``beta``, by bootstrap; ``None`` where not known.
    """

    e: float
    a: float
    b: float
    alpha: float
    beta: float
    covariance: Matrix | None = field(default=None, repr=False)

    def symbol_of(self, field: str) -> str:
        """Fields under the names that papers give them."""
        return {"e": "E", "a": "A", "b": "B"}.get(field, field)

    def loss(self, parameters: float, tokens: float) -> float:
        of_size = ratio(self.a, power(parameters, self.alpha))
        return named(self.e + of_size + ratio(self.b, power(tokens, self.beta)), LOSS)

    @property
    def balance(self) -> float:
        """``G = (alpha A / (beta B))**(1 / (alpha + beta))`` (Hoffmann et al. 2022, eq. 4)."""
        weights = ratio(self.alpha * self.a, self.beta * self.b)
        return named(power(weights, ratio(1, self.alpha + self.beta)), BALANCE)

    @property
    def exponent(self) -> float:
        """``a = beta / (alpha + beta)``, the exponent of optimal parameters (Hoffmann et al. 2022, eq. 4)."""
        return named(ratio(self.beta, self.alpha + self.beta), EXPONENT)

    def optimum(self, compute: float) -> Allocation:
        """``N = G (C / 6)**a`` and ``D = (C / 6)**(1 - a) / G`` (Hoffmann et al. 2022, eq. 4)."""
        products = ratio(compute, self.flops_per)
        parameters = named(self.balance * power(products, self.exponent), PARAMETERS)
        tokens = named(ratio(power(products, 1 - self.exponent), self.balance), TOKENS)
        return Allocation(parameters, tokens)

    def budget_for_parameters(self, parameters: float) -> float:
        return self.flops_per * power(ratio(parameters, self.balance), ratio(1, self.exponent))

    def budget_for_tokens(self, tokens: float) -> float:
        return self.flops_per * power(tokens * self.balance, ratio(1, 1 - self.exponent))

    @property
    def reducible(self) -> float:
        """The loss above ``E`` at the optimum of 6 FLOPs: ``A G**-alpha + B G**beta``."""
        return ratio(self.a, power(self.balance, self.alpha)) + self.b * power(self.balance, self.beta)

    @property
    def decay(self) -> float:
        """The exponent with which the optimum's loss above ``E`` falls: ``alpha beta / (alpha + beta)``."""
        return ratio(self.alpha * self.beta, self.alpha + self.beta)

    def budget_for_loss(self, loss: float) -> float | None:
        return None if loss <= self.e else self.budget_above(loss - self.e)

    def budget_above(self, loss: float) -> float:
        """FLOPs of the budget whose optimum has that loss above ``E``."""
        return self.flops_per * power(ratio(self.reducible, loss), ratio(1, self.decay))
