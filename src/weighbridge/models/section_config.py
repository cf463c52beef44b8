"""Sections of configurations: tables inside a ``config.json`` that hold fields of their own (``attn_config``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class Section:
    """Base of a section; a subclass lists its fields, with the defaults of ``transformers``."""

    aliases: ClassVar[dict[str, str]] = {}
