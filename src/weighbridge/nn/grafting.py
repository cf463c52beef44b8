"""Copies of built modules in which some modules and weights are others: how adapters come into a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from weighbridge.nn.module import Module
from weighbridge.tape import Weight

M = TypeVar("M", bound=Module)

Graft = Callable[[Module, Module], Module]
"""What takes a module's place: given the module and its copy, the copy or another module."""


def grafted(module: M, graft: Graft, weight: Callable[[Weight], Weight]) -> M:
    """A copy of a module and of all that it holds, each module as ``graft`` and each weight as ``weight`` makes it.

    What stands in several places, such as a table that a head reads too, stays one in the copy.
    """
    made: M = _Copies(graft, weight).of(module)
    return made


class _Copies:
    """Copies by the ids of what they are of."""

    def __init__(self, graft: Graft, weight: Callable[[Weight], Weight]) -> None:
        self.graft, self.weight = graft, weight
        self.known: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        """The copy of a value; what holds no module is itself."""
        if isinstance(value, Module | Weight):
            if id(value) not in self.known:
                self.known[id(value)] = self.weight(value) if isinstance(value, Weight) else self.module(value)
            return self.known[id(value)]
        if type(value) in (list, tuple):
            return type(value)(self.of(each) for each in value)
        if type(value) is dict:
            return {name: self.of(each) for name, each in value.items()}
        return value

    def module(self, module: Module) -> Module:
        """The copy of a module."""
        made = object.__new__(type(module))
        for name, value in vars(module).items():
            object.__setattr__(made, name, self.of(value))
        return self.graft(module, made)
