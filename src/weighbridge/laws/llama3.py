"""Llama 3 (Dubey et al. 2024): optimal tokens as a power of compute.

arXiv:2407.21783, section 3.2.1: ``D = A C**alpha`` with (alpha, A) = (0.53, 0.29). Printed to two digits, these give
10.5T tokens at 3.8e25 FLOPs, where the paper itself extrapolates its fit to 402B parameters on 16.55T tokens. The law
here has the printed exponent and passes through that published optimum, whose product of parameters and tokens also
sets the FLOPs per parameter and token (5.71).
"""

from __future__ import annotations

from weighbridge.laws.frontier import Frontier
from weighbridge.laws.law import Fitted, Span

BUDGET, PARAMETERS, TOKENS = 3.8e25, 402e9, 16.55e12
"""The optimum to which the paper extrapolates."""

EXPONENT = 0.53
"""Of tokens."""

LLAMA_3 = Frontier(
    name="llama-3",
    title="Dubey et al. 2024 (Llama 3)",
    source="arXiv:2407.21783, section 3.2.1: exponent 0.53 of tokens, through 402B on 16.55T at 3.8e25 FLOPs",
    data="the mix of Llama 3",
    fitted=Fitted("section 3.2.1: 6e18 to 1e22 FLOPs, 40M to 16B parameters", Span(6e18, 1e22), Span(40e6, 16e9)),
    note="the printed pair (0.53, 0.29) misses the paper's own optimum, which sets the level here",
    flops_per=BUDGET / (PARAMETERS * TOKENS),
    budget=BUDGET,
    size=PARAMETERS,
    exponent=1 - EXPONENT,
)
