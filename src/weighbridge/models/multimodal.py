"""Configurations of multimodal models: a section for the language model and one for what sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from weighbridge.nn import CausalLM, MultimodalEmbedding, Tower
from weighbridge.nn.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Config:
    """Base of configurations with a ``text_config`` and a ``vision_config``. A family narrows both, and has defaults
    where ``transformers`` has them.

    Attributes:
        text_alone: the type of the language model, where files of it alone are called by the whole's type.
        text_config: the language model's configuration.
        vision_config: the tower's.
        dtype: data type of the weights, as the configuration names it.
    """

    family: ClassVar[str] = ""
    aliases: ClassVar[dict[str, str]] = {}
    derived: ClassVar[dict[str, str]] = {}
    text_alone: ClassVar[str] = ""

    text_config: Any
    vision_config: Any
    dtype: str | None = None

    def __post_init__(self) -> None:
        if self.dtype is None:  # files name it in either place
            object.__setattr__(self, "dtype", self.text_config.dtype)

    def problems(self) -> Iterator[Problem]:
        """What does not fit together in a section, under the section's name."""
        for section in (f.name for f in fields(self) if f.name.endswith("_config")):
            given = getattr(self, section)
            for field, problem in given.problems() if given is not None else ():
                yield f"{section}.{field}", problem

    def notes(self) -> Iterator[str]:
        """What readers of the figures should know of the language model."""
        yield from self.text_config.notes()


def with_tower(language_model: CausalLM, tower: Tower) -> CausalLM:
    """A language model that is given images too."""
    return replace(language_model, embedding=MultimodalEmbedding(language_model.embedding, tower))
