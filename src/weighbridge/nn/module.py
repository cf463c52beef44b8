"""The base of everything a model is made of.

A module is a frozen dataclass. Its fields are sizes and choices; ``build`` makes its weights and children from them,
and ``forward`` runs over symbolic tensors. Because both are ordinary code over the fields, a module whose fields are
traced numbers or arrays explains itself or answers for many sizes at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from weighbridge.arithmetic import Count
from weighbridge.nn.problems import Problem
from weighbridge.tape import Tensor, Weight
from weighbridge.traced import plain
from weighbridge.tree import Kind, Node

if TYPE_CHECKING:
    from dataclasses import Field


@dataclass_transform(frozen_default=True)
class Module:
    """Base class. A subclass lists its fields, builds its parts and says what a forward pass does.

    For example::

        class Gate(Module):
            kind = Kind.MLP
            hidden_size: Count

            def build(self) -> None:
                hidden = Axis("hidden", self.hidden_size)
                self.scale = Weight((hidden,))
                self.proj = Linear(hidden, hidden)

            def forward(self, x: Tensor) -> Tensor:
                return ops.elementwise("gate", self.proj(x), keeps=(x,))

    Attributes:
        kind: what its own weights are for; children inherit it unless they say otherwise.
        note: a few words that explanations print beside it.
        source: paper and equation, or library and file, that defines it.
        apart: counted apart from the model's total.
        title: what it is called among its siblings; the class's name in lower case, unless a class above it says.
        branch: the place that it may take in a decoder layer: "mixer", "feed_forward" or none. It then has a field
            ``hidden_size``, which descriptions fill in.
        fuses_norm: its first projection and the norm before it can be one module.
        norms_itself: a layer gives it the stream as it is, because it normalises what it reads itself.
    """

    kind: ClassVar[Kind | None] = None
    note: ClassVar[str] = ""
    source: ClassVar[str] = ""
    apart: ClassVar[bool] = False
    title: ClassVar[str] = ""
    _titled: ClassVar[bool] = False
    branch: ClassVar[str] = ""
    fuses_norm: ClassVar[bool] = False
    norms_itself: ClassVar[bool] = False

    if TYPE_CHECKING:  # every subclass is a dataclass
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    _children: dict[str, Module]
    _weights: dict[str, Weight]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(eq=False, repr=False)(cls)
        if "title" in cls.__dict__:
            cls._titled = True
            return
        above = next((base for base in cls.__mro__ if base.__dict__.get("_titled")), None)
        own = re.sub(r"(?<=[a-z0-9])(?=[A-Z].)", "_", cls.__name__).lower()
        cls.title = own if above is None else str(vars(above)["title"])  # kinds of attention are all called so

    def __post_init__(self) -> None:
        self._children, self._weights = {}, {}
        self.build()
        for name, value in vars(self).copy().items():
            if name != "_children":
                self._adopt(name, value, again=False)
        object.__setattr__(self, "_built", True)

    def build(self) -> None:
        """Make weights and children from the fields. Attributes that hold a module or a weight register themselves."""

    def forward(self, *inputs: Any) -> Any:
        """Run over symbolic tensors, recording on their tape."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *inputs: Any) -> Tensor:
        """Run ``forward`` under this module's name on the tape of the first input."""
        with inputs[0].tape.inside(self):
            made: Tensor = self.forward(*inputs)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        if "_built" in self.__dict__:
            raise FrozenInstanceError(f"{type(self).__name__} is frozen: cannot assign {name!r}")
        object.__setattr__(self, name, value)
        if "_children" not in self.__dict__ or "_weights" not in self.__dict__:
            return
        if isinstance(value, Weight):
            self._weights[name] = value
        elif isinstance(value, list | tuple):
            self._weights |= {f"{name}_{i}": item for i, item in enumerate(value) if isinstance(item, Weight)}
        self._adopt(name, value, again=True)

    def _adopt(self, name: str, value: object, again: bool) -> None:
        """Register a module, or those of a list, under an attribute's name; ``again`` also where it has a place."""
        if isinstance(value, Module):
            if again or not any(value is child for child in self._children.values()):
                self.register(name, value)
        elif isinstance(value, list | tuple):
            for number, item in enumerate(value):
                if isinstance(item, Module):
                    self._adopt(f"{name}_{number}", item, again=False)

    def symbol_of(self, field: str) -> str:
        """What a number in that field is called in formulas, when modules are traced by themselves."""
        return field

    def register(self, name: str, module: Module) -> None:
        """Place a child under a name, in model order; a name that another child has gets a number."""
        free = (name, *(f"{name}_{number}" for number in range(2, len(self._children) + 3)))
        self._children[next(n for n in free if self._children.get(n, module) is module)] = module

    def problems(self) -> Iterator[Problem]:
        """Fields that do not fit together, and why; nothing where all is well. Descriptions ask before they build."""
        yield from ()

    def __repr__(self) -> str:
        shown = (f"{f.name}={plain(getattr(self, f.name))!r}" for f in fields(self) if f.repr)
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def children(self) -> dict[str, Module]:
        """Child modules by name, in model order."""
        return dict(self._children)

    @property
    def weights(self) -> dict[str, Weight]:
        """Own weights by name, without the children's."""
        return dict(self._weights)

    def node(self, name: str = "model", inherited: Kind = Kind.OTHER, seen: set[int] | None = None) -> Node:
        """The folded tree of this module. Of a module that stands in several places, the first has the weights."""
        seen = set() if seen is None else seen
        weights = {} if id(self) in seen else self.weights
        seen.add(id(self))
        kind = self.kind or inherited
        distinct = {id(child): (label, child) for label, child in reversed(self._children.items())}
        children = tuple(child.node(label, kind, seen) for label, child in reversed(distinct.values()))
        return Node(name, self, kind, weights, children, (id(self),), apart=self.apart, composite=bool(children))


class Repeat(Module):
    """Several equal modules, written once: layers one after another, or experts side by side.

    Attributes:
        module: one of them.
        count: how many there are.
        active: how many of them a token meets (experts: the router's top k); all of them by default.
        together: one call runs all of them on the tokens that each was given (experts).
        places: the positions of the layers, where a model has several kinds.
        name: what they are called among their siblings.
    """

    module: Module
    count: Count
    active: Count | None = None
    together: bool = False
    places: tuple[int, ...] | None = None
    name: str = "layers"

    def symbol_of(self, field: str) -> str:
        return {"count": f"num_{self.name}", "active": "top_k"}.get(field, field)

    def __call__(self, *inputs: Any) -> Tensor:
        """Run one of them and mark the operations as a span of so many runs (experts: of one run, for all of them)."""
        tape = inputs[0].tape
        with tape.inside(self):
            if self.together:
                return self.module(*inputs)
            if tape.partial and plain(self.count) != 1 and self._trains():
                tape.wake(inputs[0])  # of all runs but the first a gradient of what comes in is computed
            with tape.repeated(self.count, inputs[0], self):
                return self.module(*inputs)

    def _trains(self) -> bool:
        """Whether any of its weights is trained."""
        return any(weight.trained for node in self.module.node().walk() for weight in node.weights.values())

    def node(self, name: str = "model", inherited: Kind = Kind.OTHER, seen: set[int] | None = None) -> Node:
        """The repeated module's node, with its counts.

        Every copy has weights of its own. What copies share has to stand before them in the module that holds the runs.
        """
        one = self.module.node(name, inherited, set(seen or ()))
        met = self.count if self.active is None else self.active
        return Node(
            name,
            one.module,
            one.kind,
            one.weights,
            one.children,
            (id(self), *one.path),
            times=self.count * one.times,
            active=met * one.active,
            passes=(1 if self.together else self.count) * one.passes,
            places=self.places,
            apart=one.apart,
            composite=one.composite,
            folded=True,
            together=self.together,
        )
