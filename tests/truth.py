"""Where published measurements lie, if they are here: they are no part of the repository, but lie beside it."""

from __future__ import annotations

from pathlib import Path

_PLACES = (folder / "shared" / "truth" for folder in Path(__file__).resolve().parents)

TRUTH = next((place for place in _PLACES if place.is_dir()), Path(__file__).parents[2] / "shared" / "truth")
"""The folder; where it would be if it is not here."""
