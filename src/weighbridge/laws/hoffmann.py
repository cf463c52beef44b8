"""Hoffmann et al. 2022 (Chinchilla): three approaches, the third with its constants as printed and unrounded.

arXiv:2203.15556. The paper counts all parameters and all training FLOPs, embeddings included (appendix F). It prints
no level for approaches 1 and 2, only exponents (table 2: 0.50 and 0.49) and projected optima (tables 3 and A3). The
level is that of the power law through those optima; its exponents round to the printed ones.
"""

from __future__ import annotations

import math

from weighbridge.laws.frontier import Frontier, line_through
from weighbridge.laws.law import Fitted, Span
from weighbridge.laws.parametric import Parametric

TABLE_3 = (
    (400e6, 1.92e19),
    (1e9, 1.21e20),
    (10e9, 1.23e22),
    (67e9, 5.76e23),
    (175e9, 3.85e24),
    (280e9, 9.90e24),
    (520e9, 3.43e25),
    (1e12, 1.27e26),
    (10e12, 1.30e28),
)
"""Parameters and FLOPs of the optima projected by approach 1."""

TABLE_A3 = (
    (400e6, 1.84e19),
    (1e9, 1.20e20),
    (10e9, 1.32e22),
    (67e9, 6.88e23),
    (175e9, 4.54e24),
    (280e9, 1.18e25),
    (520e9, 4.19e25),
    (1e12, 1.59e26),
    (10e12, 1.75e28),
)
"""The same by approach 2."""

SIZES, TOKENS = Span(70e6, 16e9), Span(5e9, 500e9)
RUNS = Fitted("abstract: 70M to over 16B parameters, 5B to 500B tokens", None, SIZES, TOKENS)
DATA = "MassiveText"

_budget, _size, _exponent = line_through(TABLE_3)
APPROACH_1 = Frontier(
    name="hoffmann-1",
    title="Hoffmann et al. 2022, approach 1",
    source="arXiv:2203.15556, table 3: the power law through its optima (section 3.1, minima of training curves)",
    data=DATA,
    fitted=Fitted("section 3.1: 70M to over 10B parameters; abstract", None, Span(70e6, 10e9), TOKENS),
    budget=_budget,
    size=_size,
    exponent=_exponent,
)

_budget, _size, _exponent = line_through(TABLE_A3)
APPROACH_2 = Frontier(
    name="hoffmann-2",
    title="Hoffmann et al. 2022, approach 2",
    source="arXiv:2203.15556, table A3: the power law through its optima (section 3.2, IsoFLOP profiles)",
    data=DATA,
    fitted=Fitted("section 3.2: 6e18 to 3e21 FLOPs; abstract", Span(6e18, 3e21), SIZES, TOKENS),
    budget=_budget,
    size=_size,
    exponent=_exponent,
)

APPROACH_3 = Parametric(
    name="hoffmann-3",
    title="Hoffmann et al. 2022, approach 3",
    source="arXiv:2203.15556, eq. 2; constants of its TeX source, in the analysis of Besiroglu et al. 2024",
    data=DATA,
    fitted=RUNS,
    a=math.exp(6.0073404),
    b=math.exp(6.0179186),
    e=math.exp(0.5267228),
    alpha=0.33917084,
    beta=0.2849083,
)

APPROACH_3_ROUNDED = Parametric(
    name="hoffmann-3-rounded",
    title="Hoffmann et al. 2022, approach 3 as printed",
    source="arXiv:2203.15556, eq. 10",
    data=DATA,
    fitted=RUNS,
    note="rounding beta to two digits moves the optimum; hoffmann-3 has the constants before rounding",
    a=406.4,
    b=410.7,
    e=1.69,
    alpha=0.34,
    beta=0.28,
)
