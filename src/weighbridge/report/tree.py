"""The module tree of one rank: parameters, and what one micro-batch leaves for the backward pass, module by module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from weighbridge.estimate.memory.inside import Inside, Kept, inside
from weighbridge.estimate.memory.stage import Stage
from weighbridge.estimate.memory.totals import MODEL
from weighbridge.nn import DecoderLayer
from weighbridge.report import megatron_names as megatron
from weighbridge.report.document import Column, Row, Table
from weighbridge.report.modules import ranges
from weighbridge.traced import plain

DEEPEST = 99
"""Levels that are printed where no depth is asked for."""


def owner(stage: Stage) -> str:
    """Whose memory it is: of ``stage 3``, or without a pipeline of ``any rank``."""
    return f"stage {stage.number}" if len(stage.training.stages) > 1 else "any rank"


@dataclass
class Branch:
    """A module as it is printed.

    Attributes:
        name: the attribute that holds it; empty for numbered copies.
        module: its class.
        parameters: its own, of one copy.
        kept: what its own operations keep, of one copy.
        copies: equal ones.
        places: their positions.
        remark: what else there is to say.
        children: its parts by name and places.
    """

    name: str
    module: str
    parameters: int = 0
    kept: Kept = field(default_factory=Kept)
    copies: int = 1
    places: tuple[int, ...] = ()
    remark: str = ""
    children: list[Branch] = field(default_factory=list)

    def child(self, name: str, module: str, places: tuple[int, ...] = ()) -> Branch:
        """The part of that name and place; a new one where there is none yet."""
        for branch in self.children:
            if (branch.name, branch.places) == (name, places):
                branch.module = max(branch.module, module, key=len)
                return branch
        self.children.append(Branch(name, module, places=places, copies=max(1, len(places))))
        return self.children[-1]

    @property
    def all_parameters(self) -> int:
        """Of one copy, parts included."""
        return self.parameters + sum(child.copies * child.all_parameters for child in self.children)

    @property
    def all_kept(self) -> Kept:
        """Of one copy, parts included."""
        return sum((child.all_kept * child.copies for child in self.children), self.kept)

    def label(self, classes: bool) -> str:
        """``linear_proj: TERowParallelLinear``, or its name alone; ``(0-31): 32 x TransformerLayer``."""
        if self.places:
            text = f"({ranges(self.places)}): {self.copies:,} x {self.module}"
        else:
            text = f"{self.name}: {self.module}" if self.name and classes else self.name or self.module
        return f"{text}, {self.remark}" if self.remark and classes else text


def tree(stage: Stage) -> Branch:
    """The modules of a stage's rank, by Megatron-Core's names where that is the framework."""
    root = inside(stage)
    framework = stage.training.plan.framework
    if framework.family != "megatron" or type(root.module).__name__ != "CausalLM":
        return _own(root)
    layers = [run.module for run in stage.training.model.network.layers]
    hybrid = any(isinstance(layer, DecoderLayer) and layer.feed_forward is None for layer in layers)
    return _Megatron(framework.transformer_engine, hybrid).model(root)


def _own(found: Inside) -> Branch:
    """A module under its own name. What experts keep, which is counted for all together, stands beside one of them."""
    made = Branch("", type(found.module).__name__, found.parameters, sum(found.kept.values(), Kept()))
    made.remark = "recomputed" if found.recomputed else ""
    for child in found.children:
        branch = _own(child)
        branch.name, branch.copies, branch.places = child.name, child.copies, child.places
        if child.together:
            branch = _together(branch, child.copies)
        made.children.append(branch)
    return made


def _together(one: Branch, copies: int) -> Branch:
    """Experts as one module: the parameters of all, what all keep."""
    each = one.all_parameters
    one.copies, one.places = 1, ()
    one.remark = f"{copies:,} of {each:,} each"
    for branch in _walk(one):
        branch.parameters *= copies
    return one


def _walk(branch: Branch) -> Iterator[Branch]:
    yield branch
    for child in branch.children:
        yield from _walk(child)


class _Megatron:
    """Puts modules where Megatron-Core has them."""

    def __init__(self, engine: bool, hybrid: bool) -> None:
        self.engine = engine
        self.other = megatron.HYBRID if hybrid else {}

    def model(self, root: Inside) -> Branch:
        """The whole of it."""
        made = Branch(
            "", self.other.get(megatron.ROOT, megatron.ROOT), root.parameters, sum(root.kept.values(), Kept())
        )
        self.parts(root, made)
        return made

    def parts(self, found: Inside, into: Branch) -> None:
        """The parts of a module, below its branch."""
        holder = type(found.module).__name__
        for child, following in zip_longest(found.children, found.children[1:]):
            self.place(holder, child, type(following.module).__name__ if following else "", into)

    def place(self, holder: str, found: Inside, following: str, into: Branch) -> None:
        """One part, where it belongs."""
        path = megatron.path_of(holder, found.name)
        if path is None:
            branch = into.child(found.name, type(found.module).__name__, found.places)
            self.fill(found, branch)
            return
        fused = megatron.FUSED.get((found.name, following)) if self.engine else None
        if fused:
            if path[-1][0].startswith(("input", "pre", "norm")):
                into.child(path[-1][0], "IdentityOp")
            path = fused
        if "word_embeddings" in {name for name, _ in path} and found.children:
            path = path[:1]
        for name, module in path:
            into = into.child(self.other.get(name, name), self.named(module, found), () if name else found.places)
        self.fill(found, into)

    def named(self, module: str, found: Inside) -> str:
        """A class, as the specification has it."""
        if module == "SelfAttention":
            module = megatron.ATTENTION.get(type(found.module).__name__, module)
        if module == "TransformerLayer" and isinstance(found.module, DecoderLayer) and not found.module.feed_forward:
            module = megatron.BRANCHES.get(type(found.module.mixer).__name__, module)
        module = self.other.get(module, module)
        return module if self.engine else megatron.LOCAL.get(module, module)

    def fill(self, found: Inside, branch: Branch) -> None:
        """A module's own figures, then its parts."""
        own = sum(found.kept.values(), Kept())
        branch.parameters += found.parameters
        branch.remark = "recomputed" if found.recomputed else branch.remark
        if type(found.module).__name__ in megatron.ATTENTION:
            name, module = megatron.CORE
            core = branch.child(name, self.named(module, found))
            core.kept = core.kept + own
        else:
            branch.kept = branch.kept + own
        self.parts(found, branch)
        if found.together:
            _together(branch, found.copies)
            for inner in branch.children:
                inner.module = megatron.GROUPED.get(inner.module, inner.module) if self.engine else inner.module


def rows(branch: Branch, depth: int, classes: bool, level: int = 0) -> Iterator[Row]:
    """A tree as rows, down to a depth, with or without the classes of modules."""
    kept = branch.all_kept
    cells = (f"{branch.all_parameters:,}", f"{kept.elements:,}", f"{kept.bytes:,}")
    yield Row((" " * 2 * level + branch.label(classes), *cells), strong=level == 0)
    if level + 1 < depth:
        for child in branch.children:
            yield from rows(child, depth, classes, level + 1)


def table(stage: Stage, depth: int | None = None, width: int = 100) -> Table:
    """The module tree of a stage's rank; classes are left out where a window is too narrow for them."""
    columns = (
        Column("module", False, whole=True),
        Column("parameters"),
        Column("kept elements"),
        Column("kept bytes", optional=True),
    )
    whose = f"one rank of {owner(stage)}" if len(stage.training.stages) > 1 else owner(stage)
    title = f"Modules of {whose}, one copy of each; kept for backward by one micro-batch"
    root = tree(stage)
    found = list(rows(root, depth or DEEPEST, classes=True))
    if sum(2 + max(len(row.cells[place]) for row in found) for place in range(3)) - 2 > width:
        found = list(rows(root, depth or DEEPEST, classes=False))
    return Table(columns, tuple(found), title)


@dataclass(frozen=True)
class OneGpu:
    """Memory of one GPU as tools that read Megatron's arguments print it.

    Attributes:
        model: bytes of weights, gradients and the optimizer.
        total: bytes of the allocated peak.
        parameters: of the rank.
    """

    model: int
    total: int
    parameters: int

    @property
    def rest(self) -> int:
        """Bytes of activations and buffers at the highest moment."""
        return self.total - self.model

    @property
    def bytes_per_parameter(self) -> float:
        """Of weights, gradients and the optimizer; 0 without parameters."""
        return self.model / self.parameters if self.parameters else 0.0


def one_gpu(stage: Stage) -> OneGpu:
    """The memory of any of a stage's ranks."""
    lines = {line: int(plain(value)) for line, value in stage.ledger.lines.items()}
    model = sum(lines[line] for line in MODEL)
    return OneGpu(model, int(plain(stage.peak_allocated)), int(plain(stage.states.parameters)))


def per_gpu(stage: Stage) -> Table:
    """Bytes per parameter, then memory of one GPU as model and optimizer, activations, total."""
    one = one_gpu(stage)
    each = f"{one.bytes_per_parameter:.2f} bytes per parameter x {one.parameters:,}"
    found = (
        ("weights and optimizer", one.model, each if one.parameters else "no parameters"),
        ("activations and buffers", one.rest, "at the highest moment"),
        ("total", one.total, "allocated peak"),
    )
    made = tuple(Row((name, *_sizes(value), remark), strong=name == "total") for name, value, remark in found)
    columns = (Column("one GPU", False), Column("MB"), Column("GB"), Column("GiB"), Column("", False, True))
    whose = f" of {owner(stage)}" if len(stage.training.stages) > 1 else ""
    title = f"Memory of one GPU{whose} (MB is 10^6 bytes, GB 10^9, GiB 2^30)"
    return Table(columns, made, title)


def _sizes(value: int) -> tuple[str, str, str]:
    return f"{value / 10**6:,.1f}", f"{value / 10**9:,.3f}", f"{value / 2**30:,.3f}"
