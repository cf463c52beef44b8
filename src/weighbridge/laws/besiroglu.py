"""Besiroglu et al. 2024 (Epoch AI): Hoffmann's approach 3 fitted again, with the uncertainty of its constants.

arXiv:2404.10102. The authors read 245 runs off Hoffmann's figure 4, left out the five of the largest loss, and fitted
the other 240. Their standard errors, by bootstrap, are 0.258, 0.421, 0.014, 0.015 and 0.021 of ``ln A``, ``ln B``,
``ln E``, ``alpha`` and ``beta`` (notebook of their repository). They print no covariances, which the uncertainty of
an optimum depends on. Those here come from the same 240 runs by ``weighbridge scaling fit`` with 4,000 draws of seed
0; its standard errors agree with the printed ones, and its best fit has their objective (0.0010183).
"""

from __future__ import annotations

from weighbridge.laws.law import Fitted, Span
from weighbridge.laws.parametric import Parametric

COVARIANCE = (
    (6.38871e-02, -2.63537e-02, 2.05090e-03, 3.80928e-03, -1.32197e-03),
    (-2.63537e-02, 1.79311e-01, 3.74751e-03, -1.63940e-03, 8.77115e-03),
    (2.05090e-03, 3.74751e-03, 1.99479e-04, 1.21048e-04, 1.82635e-04),
    (3.80928e-03, -1.63940e-03, 1.21048e-04, 2.27438e-04, -8.22885e-05),
    (-1.32197e-03, 8.77115e-03, 1.82635e-04, -8.22885e-05, 4.29323e-04),
)
"""Of ln A, ln B, ln E, alpha and beta."""

BESIROGLU = Parametric(
    name="besiroglu",
    title="Besiroglu et al. 2024 (Epoch AI)",
    source="arXiv:2404.10102, table 1: E 1.8172, A 482.01, B 2085.43, alpha 0.3478, beta 0.3658",
    data="MassiveText",
    fitted=Fitted(
        "the runs that the authors read off Hoffmann's figure 4",
        Span(1.40e18, 1.30e22),
        Span(57.3e6, 16.2e9),
        Span(819e6, 318e9),
    ),
    note="intervals of 80 % by bootstrap",
    a=482.01,
    b=2085.43,
    e=1.8172,
    alpha=0.3478,
    beta=0.3658,
    covariance=COVARIANCE,
)
