"""Traced numbers: a value together with the operation and the arguments that it came from.

Bind traced numbers to a configuration (:func:`trace`) and every method of the package returns its derivation besides
its value. Traced numbers refuse to steer a program: a formula may branch on configuration (an enum, ``None``, a flag),
never on a quantity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, NoReturn, TypeVar

from weighbridge.arithmetic import OPERATORS, Count, Operator, Quantity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Label:
    """What a quantity is called.

    Attributes:
        symbol: its name in formulas, a Python identifier.
        unit: what it counts ("parameters", "FLOPs", "bytes"), or empty.
        note: a few words for the reader ("SwiGLU: gate, up, down").
        source: paper and equation, or library and file.
        primitive: a quantity so small that explanations write it out instead of folding it.
    """

    symbol: str
    unit: str = ""
    note: str = ""
    source: str = ""
    primitive: bool = False


class Traced:
    """A number that remembers: a leaf (a symbol), an operation on arguments, or a name given to another number."""

    __slots__ = ("arguments", "label", "operator", "value")

    def __init__(
        self,
        value: Any,
        operator: Operator | None = None,
        arguments: tuple[Any, ...] = (),
        label: Label | None = None,
    ) -> None:
        self.value = value
        self.operator = operator
        self.arguments = arguments
        self.label = label

    @classmethod
    def __apply__(cls, operator: Operator, arguments: Sequence[Any]) -> Any:
        neutral = _without_neutral(operator.name, arguments)
        if neutral is not None:
            return neutral
        values = [plain(argument) for argument in arguments]
        return cls(operator.scalar(*values), operator, tuple(arguments))

    def __add__(self, other: Any) -> Any:
        return Traced.__apply__(OPERATORS["add"], (self, other))

    def __radd__(self, other: Any) -> Any:
        return Traced.__apply__(OPERATORS["add"], (other, self))

    def __sub__(self, other: Any) -> Any:
        return Traced.__apply__(OPERATORS["subtract"], (self, other))

    def __rsub__(self, other: Any) -> Any:
        return Traced.__apply__(OPERATORS["subtract"], (other, self))

    def __mul__(self, other: Any) -> Any:
        return Traced.__apply__(OPERATORS["multiply"], (self, other))

    def __rmul__(self, other: Any) -> Any:
        return Traced.__apply__(OPERATORS["multiply"], (other, self))

    def __neg__(self) -> Any:
        return Traced.__apply__(OPERATORS["subtract"], (0, self))

    def _refuse(self, instead: str) -> NoReturn:
        name = self.label.symbol if self.label else "a quantity"
        raise TypeError(f"{name} is a traced quantity; {instead}")

    def __truediv__(self, other: Any) -> NoReturn:
        self._refuse("counts do not divide by '/': use exact_div or ceil_div")

    __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __truediv__

    def __bool__(self) -> NoReturn:
        self._refuse("a formula cannot branch on it: use where, maximum or minimum")

    def __compare__(self, other: object) -> NoReturn:
        self._refuse("a formula cannot compare it: use where, maximum or minimum")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __compare__
    __hash__ = object.__hash__

    def __index__(self) -> NoReturn:
        self._refuse("it cannot be an index: take weighbridge.traced.plain() of a configuration value")

    def __repr__(self) -> str:
        return f"Traced({self.label.symbol if self.label else '…'}={self.value!r})"


def _without_neutral(name: str, arguments: Sequence[Any]) -> Any:
    """The other argument of ``0 + x``, ``x - 0`` and ``1 * x``, so that explanations do not fill with them."""
    if name == "add":
        left, right = arguments
        return right if type(left) is int and left == 0 else left if type(right) is int and right == 0 else None
    if name == "subtract":
        return arguments[0] if type(arguments[1]) is int and arguments[1] == 0 else None
    if name == "multiply":
        left, right = arguments
        return right if type(left) is int and left == 1 else left if type(right) is int and right == 1 else None
    return None


def plain(value: Any) -> Any:
    """The bare value of a traced number; anything else as it is.

    For configuration that decides the shape of a model (how many layers a pattern has), not for quantities.
    """
    return value.value if isinstance(value, Traced) else value


def symbol(name: str, value: Any, unit: str = "", note: str = "") -> Any:
    """A traced leaf: ``value`` under a name."""
    return Traced(value, label=Label(name, unit, note))


def stated(value: Any, label: Label) -> Traced:
    """A number under a name, with a line of its own for what there is to say of it: looked up, measured, or found by a
    search, so that there is no formula.
    """
    return Traced(value, None, (value,), label)


def called(value: Any, label: Label) -> Traced:
    """A quantity under a name, traced or not: :func:`named`, or :func:`stated` where nothing in it is traced."""
    found: Any = named(value, label)
    return found if isinstance(found, Traced) else stated(value, label)


def identifier(text: str) -> str:
    """A name for a symbol: the text with an underscore for whatever a Python identifier does not have."""
    clean = "".join(c if c.isalnum() else "_" for c in text)
    return f"_{clean}" if clean[:1].isdigit() else clean


def same_kind(value: Count, name: str, like: Count) -> Count:
    """``value`` as a traced leaf called ``name`` if ``like`` is traced, else ``value``.

    For counts that configuration code works out by looking (how many of the layers are MoE).
    """
    leaf: Count = symbol(name, value) if isinstance(like, Traced) else value
    return leaf


def named(value: Quantity, label: Label) -> Quantity:
    """Give a quantity a name under which explanations fold it; plain integers and arrays pass unchanged."""
    if isinstance(value, Traced):
        node: Any = Traced(value.value, None, (value,), label)
        return node
    return value


def trace(config: T, reserved: Iterable[str] = ()) -> T:
    """A copy of a dataclass in which every number is a traced symbol of its field's name.

    Flags, strings, ``None`` and lists stay as they are: they are configuration, not quantities. Dataclasses, tuples and
    tables inside are traced too; what stands in a table takes the names of its keys, and a name that already stands for
    another value gets the name of what holds it in front; so does a ``reserved`` one.
    """
    if not is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"trace takes an instance of a dataclass, not {config!r}")
    traced: T = _Tracer(reserved).dataclass(config, "")
    return traced


class _Tracer:
    """Gives every number of a nested structure a symbol that no other value has."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self.taken: dict[str, Any] = {name: object() for name in reserved}
        self.done: dict[int, tuple[Any, Any]] = {}  # the original is kept, so that its id stays its own

    def dataclass(self, value: Any, prefix: str, held_as: str = "") -> Any:
        if id(value) not in self.done:
            own = str(getattr(value, "title", "") or getattr(value, "name", "") or held_as)
            called = getattr(value, "symbol_of", str)
            changed = {
                field.name: self.value(getattr(value, field.name), prefix, called(field.name), own)
                for field in fields(value)
                if field.init
            }
            self.done[id(value)] = (value, replace(value, **changed))
        return self.done[id(value)][1]

    def value(self, value: Any, prefix: str, name: str, holder: str) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return symbol(self.name(f"{prefix}{name}", value, holder), value)
        if is_dataclass(value) and not isinstance(value, type):
            return self.dataclass(value, prefix, name)
        if isinstance(value, tuple | list) and any(is_dataclass(item) for item in value):
            return type(value)(self.value(item, prefix, name, holder) for item in value)
        if isinstance(value, dict):
            return {key: self.value(item, *_inside(prefix, key, item), holder) for key, item in value.items()}
        return value

    def name(self, wanted: str, value: Any, holder: str) -> str:
        """The wanted name; with its holder, or a number, where it already stands for another value."""
        candidates = [wanted, f"{holder}_{wanted}", *(f"{wanted}_{number}" for number in range(2, 1000))]
        free = next(name for name in candidates if self.taken.get(name, value) == value)
        self.taken[free] = value
        return free


def _inside(prefix: str, key: str, item: Any) -> tuple[str, str]:
    """Prefix and name of an entry of a table: tables and dataclasses in it hand their key down."""
    clean = identifier(str(key))
    if isinstance(item, dict) or is_dataclass(item):
        return f"{prefix}{clean}_", clean
    return prefix, clean
