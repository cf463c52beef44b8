"""GLM-4-0414: GLM's block with a norm on the output of every branch too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from weighbridge.models import glm

build = glm.build


@dataclass(frozen=True, kw_only=True)
class Config(glm.Config):
    """Defaults of GLM-4-9B-0414."""

    family: ClassVar[str] = "GLM-4"
    sandwich: ClassVar[bool] = True
