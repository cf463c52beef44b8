"""Numbers as the page writes them in English."""

from __future__ import annotations


def three(value: float) -> str:
    """Three significant digits."""
    return f"{float(f'{value:.3g}'):,.10g}"


def dollars(value: float) -> str:
    """Three significant digits, all of them written."""
    rounded = float(f"{value:.3g}")
    return f"${rounded:,.0f}" if rounded >= 100 else f"${rounded:#.3g}"


def seconds(value: float) -> str:
    """With the unit of their size."""
    scale, unit = (1e6, "µs") if value < 1e-3 else (1e3, "ms") if value < 1 else (1, "s")
    return f"{three(value * scale)} {unit}"
