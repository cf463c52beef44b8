"""Families of models: a file, called as Hugging Face calls its ``model_type``, maps a configuration to modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from weighbridge.models.storage import Storage
from weighbridge.nn import CausalLM
from weighbridge.traced import trace
from weighbridge.tree import Node

if TYPE_CHECKING:
    from weighbridge.models.tuning import Tuning

_NOT_FAMILIES = {
    *("__init__", "config", "moe_config", "multimodal", "llama_params", "described", "sites", "storage"),
    *("dividing", "targets", "tuning"),
}
_WITH_HYPHEN = {"nemotron_nas": "nemotron-nas"}
"""Types that are called otherwise than a Python module may be."""


class Family(Protocol):
    """What a family's file defines."""

    Config: type[Any]

    @staticmethod
    def build(config: Any) -> CausalLM:
        """Modules of a configuration."""


def families() -> list[str]:
    """The ``model_type`` of every family, in alphabetical order."""
    return list(_families())


@cache
def _families() -> tuple[str, ...]:
    files = Path(__file__).parent.glob("*.py*")  # compiled ones where they came without their sources, as in a browser
    stems = {path.stem for path in files} - _NOT_FAMILIES
    return tuple(sorted(_WITH_HYPHEN.get(stem, stem) for stem in stems if not stem.endswith("_config")))


def family(model_type: str) -> Family:
    """The family's file, loaded when it is asked for."""
    loaded: Any = import_module(f"weighbridge.models.{model_type.replace('-', '_')}")
    return loaded  # type: ignore[no-any-return]


def known_fields(model_type: str) -> Iterator[str]:
    """Every field name that a family reads, aliases included."""
    config = family(model_type).Config
    yield from (f.name for f in fields(config))
    yield from config.aliases
    yield "torch_dtype"


@dataclass(frozen=True, eq=False)
class Model:
    """A model that can be weighed. Two are the same if they are one object, so that results can be kept by it.

    Attributes:
        name: what it is called in reports.
        model_type: the family's file.
        config: the configuration that it is built from.
        notes: what the reader should know (defaults used, fields not read).
        source: where the configuration came from.
        storage: how its checkpoint is quantised; ``None`` where it is not.
        tuning: what of it is trained; ``None`` for all.
    """

    name: str
    model_type: str
    config: Any
    notes: tuple[str, ...] = ()
    source: str = ""
    storage: Storage | None = None
    tuning: Tuning | None = None
    _network: CausalLM | None = field(default=None, repr=False)

    @cached_property
    def network(self) -> CausalLM:
        """Its modules."""
        return self._tuned(self._network or family(self.model_type).build(self.config))

    def _tuned(self, network: CausalLM) -> CausalLM:
        """Modules with adapters, and weights frozen."""
        projection = getattr(self.config, "projection", "Linear")
        return self.tuning.applied(network, projection, self.model_type) if self.tuning else network

    @cached_property
    def tree(self) -> Node:
        """Its folded module tree."""
        return self.network.node()

    @cached_property
    def traced(self) -> CausalLM:
        """Its modules with every size a traced symbol, so that every figure explains itself."""
        if self._network is not None:
            return self._tuned(trace(self._network, reserved=("batch", "sequence", "past")))
        return self._tuned(family(self.model_type).build(trace(self.config)))

    @classmethod
    def of(cls, network: CausalLM, name: str = "model") -> Model:
        """A model of modules put together in Python."""
        return cls(name, "", None, _network=network)

    @property
    def family(self) -> str:
        """The family's name for people: ``Llama family``."""
        if self.config is None:
            return "own modules"
        return "own description" if self.model_type == "described" else f"{self.config.family} family"
