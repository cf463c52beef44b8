"""What a module is, in words: its name, its sizes under what its class says they are, and what it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from weighbridge.nn import Module
from weighbridge.nn.norm import NORMS
from weighbridge.traced import plain
from weighbridge.tree import Kind, Node

CODE = {"scoring", "in_fp32", "narrow_softmax", "stable_softmax", "fills", "wide_scores", "partial_rotary"}
CODE |= {"angles", "angles_of", "broadcast", "picked", "biased", "replaces", "joined", "shared_joined"}
"""Fields that say how transformers' code has a module, on which nothing but kept tensors depends."""

UNSAID = {"hidden_size", "axis", "chunk", "norm", "norm_over", *CODE}
"""Fields that a reader is not told of: what every module has, names of axes, how a kernel divides its work, how code
has it, and norms, which stand among the parts.
"""

SAID = {"activation"}
"""Words that are said even where they are the default."""


OF_OTHERS = re.compile(r"^how many|of each$|^elements of it$")
"""Meanings that only stand beside the others of a docstring; the field's name says more."""


@dataclass(frozen=True)
class Said:
    """One line about a module.

    Attributes:
        text: what it is about.
        figure: how much or how many; empty where the text says all.
        level: how deep the part lies that it is about.
        look: "" for a size or choice, "i" for the name of a part, "s" for a list of names.
    """

    text: str
    figure: str = ""
    level: int = 0
    look: str = ""


def meanings(cls: type[Any]) -> dict[str, str]:
    """What a class's docstring says of its attributes, those of its bases included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        listed = re.sub(r"\n {12,}", " ", (base.__doc__ or "").partition("Attributes:")[2])
        found |= dict(re.findall(r"^ +(\w+): (.+)$", listed, re.MULTILINE))
    return found


def class_words(module: Module) -> str:
    """A class's name as words: ``grouped query attention``, ``gated MLP``, ``RMS norm``; of a normalisation the name
    that fields know it by.
    """
    known = (cls for cls in type(module).__mro__ if cls in NORMS.values())
    pieces = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+", next(known, type(module)).__name__)
    return " ".join(piece if piece.isupper() else piece.lower() for piece in pieces)


def name_of(node: Node) -> str:
    """What a node is called: its name as words, of what stands for several how many there are."""
    if node.kind is Kind.NORM:
        return class_words(node.module)
    name = node.name.replace("_", " ")
    if not node.folded:
        return name
    times = int(plain(node.times))
    return f"{times:,} {name}" if times > 1 else name.removesuffix("s")


def said(node: Node, level: int = 0) -> Iterator[Said]:
    """A node's sizes and choices, those of the parts that are made of parts themselves, and the names of the others."""
    found = [Said(text, figure, level) for text, figure in _fields(node.module)]
    if node.together:
        found.insert(0, Said(f"{node.name.replace('_', ' ')} that a token goes to", number(plain(node.active)), level))
    if not found and not node.children and node.kind is not Kind.NORM:
        found = [Said(name.replace("_", " "), _shape(w.axes), level) for name, w in node.weights.items()]
    yield from found
    small = []
    for child in node.children:
        own = list(said(child, level + 1))
        if child.children or child.folded or (child.kind is not node.kind and any(line.look != "s" for line in own)):
            yield Said(": ".join(dict.fromkeys((name_of(child), class_words(child.module)))), level=level, look="i")
            yield from own
        else:
            small.append(child.name)
    if small:
        yield Said(", ".join(small), level=level, look="s")


def _shape(axes: tuple[Any, ...]) -> str:
    return " × ".join(f"{plain(axis.size):,}" for axis in axes)


def _fields(module: Module) -> Iterator[tuple[str, str]]:
    """Texts and figures of a module's own fields."""
    if module.kind is Kind.NORM:
        return
    known = meanings(type(module))
    for field in fields(module):
        value = plain(getattr(module, field.name))
        called = module.symbol_of(field.name)
        words = called.replace("_", " ")
        if field.name in UNSAID or value is None:
            continue
        if isinstance(value, bool):
            if value != field.default:
                yield (_clause(known.get(field.name, words), r"[;:(]"), "") if value else (words, "no")
        elif isinstance(value, int | float) and value:
            meaning = _clause(known.get(field.name, words), r"[;:(]|, (?:which|of|and of|as|that|built)\b")
            yield words if called != field.name or OF_OTHERS.search(meaning) else meaning, number(value)
        elif isinstance(value, str) and (field.name in SAID or value != _default(field)):
            yield words, value


def _default(field: Field[Any]) -> Any:
    return None if field.default is MISSING else field.default


def _clause(meaning: str, ends: str) -> str:
    """A meaning up to where it goes on to explain itself."""
    return re.split(ends, meaning.replace("``", ""))[0].strip().rstrip(".")


def number(value: Any) -> str:
    """A size with its thousands grouped."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
