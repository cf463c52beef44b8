"""Sardana et al. 2023: the model that costs least over training and inference, at equal loss.

arXiv:2401.00448. Training takes 6 N D FLOPs and inference 2 N per token served. Among all models with the loss of a
reference, the one that takes the fewest FLOPs in both is smaller and trained for longer (eq. 1 and 2). With the
parametric loss its tokens solve ``alpha (K - B D**-beta) = beta B D**-beta (1 + T / (3 D))``, where ``K`` is the loss
above ``E`` and ``T`` the tokens served; the left side rises and the right side falls, so that bisection finds them.

The exponents, 0.336 and 0.283, are the defaults of a public implementation of the paper's method and lie between the
printed and the unrounded ones of Hoffmann et al. 2022, approach 3. The paper's example (figure 1: a model of 7B in
place of 13B for 2T tokens, 17 % less compute) comes out with them, and with neither of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.arithmetic import power, ratio
from weighbridge.laws.hoffmann import DATA, RUNS
from weighbridge.laws.law import SERVING_FLOPS, Allocation
from weighbridge.laws.parametric import Parametric
from weighbridge.laws.solve import rising_root

MOST_TOKENS = 1e30
"""Times the tokens of training or inference, up to which the answer is looked for."""


@dataclass(frozen=True)
class Lifetime:
    """The model of least compute over training and inference that has a reference's loss.

    Attributes:
        law: whose loss.
        reference: the model whose loss is kept.
        served: tokens of inference over the model's life, prompts and answers.
        best: the model.
    """

    law: Parametric
    reference: Allocation
    served: float
    best: Allocation

    def flops(self, model: Allocation) -> float:
        """FLOPs of training a model and of serving with it."""
        served = SERVING_FLOPS * model.parameters * self.served
        return self.law.compute(model.parameters, model.tokens) + served

    @property
    def size(self) -> float:
        """Parameters of the best model: with them its tokens have the reference's loss."""
        return size_for(self.law, loss_above(self.law, self.reference), self.best.tokens)

    @property
    def saved(self) -> float:
        """The share of the reference's FLOPs that the best model does without."""
        return 1 - ratio(self.flops(self.best), self.flops(self.reference))


def loss_above(law: Parametric, model: Allocation) -> float:
    """A model's loss above ``E``."""
    return law.loss(model.parameters, model.tokens) - law.e


def size_for(law: Parametric, above: float, tokens: float) -> float:
    """Parameters of the model that has that loss above ``E`` on so many tokens."""
    left = above - ratio(law.b, power(tokens, law.beta))
    return power(ratio(law.a, left), ratio(1, law.alpha))


def lifetime(law: Parametric, reference: Allocation, served: float) -> Lifetime:
    """The model of least compute over training and so many tokens served, with the loss of a reference."""
    above = loss_above(law, reference)
    fewest = power(ratio(law.b, above), ratio(1, law.beta))  # tokens with which only an endless model has that loss

    def imbalance(tokens: float) -> float:
        of_tokens = ratio(law.b, power(tokens, law.beta))
        served_too = 1 + ratio(SERVING_FLOPS * served, law.flops_per * tokens)
        return law.alpha * (above - of_tokens) - law.beta * of_tokens * served_too

    tokens = rising_root(imbalance, fewest, max(reference.tokens, served) * MOST_TOKENS)
    return Lifetime(law, reference, served, Allocation(size_for(law, above, tokens), tokens))


SARDANA = Parametric(
    name="sardana",
    title="Sardana et al. 2023",
    source="arXiv:2401.00448: Hoffmann's A, B and E with exponents 0.336 and 0.283, which give its figure 1",
    data=DATA,
    fitted=RUNS,
    note="Hoffmann's approach 3 with exponents 0.336 and 0.283; for training and inference together",
    a=406.4,
    b=410.7,
    e=1.69,
    alpha=0.336,
    beta=0.283,
)
