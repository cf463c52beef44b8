"""Kaplan et al. 2020: the first power laws of compute, with non-embedding parameters.

arXiv:2001.08361. The frontier is in ``C_min``, the compute that training far below the critical batch size would
take. Training at the critical batch size takes twice that (section 5.1, eq. 6.7), so a budget ``C`` is read as
``C_min = C / 2``; read so, 1e21 FLOPs give the 4.68B parameters that Hoffmann et al. 2022 state for this law (section
D.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.arithmetic import power, ratio
from weighbridge.laws.frontier import Frontier
from weighbridge.laws.law import Fitted, Span
from weighbridge.traced import Label, named

PF_DAY = 8.64e19
"""FLOPs of a petaFLOP/s-day (section 1.3)."""

LOSS = Label("loss", "nats per token", "at the optimum", "Kaplan et al. 2020, eq. 1.3")

CRITICAL_BATCH = 2.0
"""Compute at the critical batch size, as a multiple of ``C_min``."""


@dataclass(frozen=True, kw_only=True)
class Kaplan(Frontier):
    """The frontier with its loss, ``(C_c / C_min)**0.050``; none for other allocations.

    The paper's ``L(N, D)`` (eq. 1.5) is of training on ``D`` distinct tokens until the test loss rises, which is no
    single pass; it is left out.

    Attributes:
        loss_scale: ``C_c`` in FLOPs, times :data:`CRITICAL_BATCH`.
        loss_exponent: ``alpha_C_min``.
    """

    counts: ClassVar[str] = "non-embedding parameters"

    loss_scale: float
    loss_exponent: float

    def least_loss(self, compute: float) -> float:
        return named(power(ratio(self.loss_scale, compute), self.loss_exponent), LOSS)

    def budget_for_loss(self, loss: float) -> float:
        return ratio(self.loss_scale, power(loss, ratio(1, self.loss_exponent)))


KAPLAN = Kaplan(
    name="kaplan",
    title="Kaplan et al. 2020",
    source="arXiv:2001.08361, tables 5 and 6 (N = 1.3e9 C_min**0.73, in PF-days), eq. 1.3",
    data="WebText2",
    fitted=Fitted("section 3: 768 to 1.5B parameters, 22M to 23B tokens", None, Span(768, 1.5e9), Span(22e6, 23e9)),
    note="non-embedding parameters; its loss is of another tokenizer and text than the others'",
    budget=CRITICAL_BATCH * PF_DAY,
    size=1.3e9,
    exponent=0.73,
    loss_scale=CRITICAL_BATCH * 3.1e8 * PF_DAY,
    loss_exponent=0.050,
)
