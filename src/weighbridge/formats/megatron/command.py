"""A launch command: what starts Megatron-LM, how many ranks it starts, and the arguments that follow."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from weighbridge.errors import InputError, given, shown
from weighbridge.formats.megatron.table import rows
from weighbridge.models.config import LARGEST

ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
"""An environment variable before a command."""

LAUNCHERS = ("torchrun", "srun", "mpirun", "mpiexec", "deepspeed", "accelerate")
"""Programs that start ranks."""

PER_NODE = ("--nproc-per-node", "--nproc_per_node", "--num_gpus", "--gpus-per-node")
NODES = ("--nnodes", "--num_nodes", "--num-nodes")
SLURM = {"-n": "ranks", "--ntasks": "ranks", "-N": "nodes", "--nodes": "nodes", "--ntasks-per-node": "each"}
BY_THEMSELVES = ("gpu", "cpu", "xpu", "auto")
"""Words that torchrun takes for a number of processes: as many as there are devices."""

SHELLS = ("bash", "sh", "dash", "zsh")

ENDS = re.compile(r"&&|\|\|?|;|&|&?[0-9]?>.*")
"""What ends a command in a line of a shell: the next command, a pipe, a redirection."""

MPI = {"-n": "ranks", "-np": "ranks", "--np": "ranks"}


@dataclass(frozen=True)
class Command:
    """A launch command, taken apart.

    Attributes:
        arguments: Megatron-LM's own.
        world_size: ranks that the launcher starts; ``None`` where it does not say.
        environment: variables that are set before the command.
        warnings: what could not be read, a line each.
    """

    arguments: tuple[str, ...]
    world_size: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def command(tokens: Sequence[str]) -> Command:
    """Take a launch command apart.

    Args:
        tokens: its words: ``torchrun --nproc-per-node 8 pretrain_gpt.py --num-layers 12 ...``, the same behind
            ``python -m torch.distributed.launch``, ``srun`` or ``mpirun``, or nothing but arguments.

    Raises:
        InputError: for a number of ranks that cannot be used, and for a line whose quotes do not close.
    """
    environment: dict[str, str] = {}
    tokens, at = _split(tokens), 0
    while at < len(tokens) and (tokens[at] in ("env", "export") or ASSIGNMENT.fullmatch(tokens[at])):
        found = ASSIGNMENT.fullmatch(tokens[at])
        if found:
            environment[found[1]] = found[2]
        at += 1
    end = _script(tokens, at)
    ranks, warnings = _ranks(tokens[at:end])
    return Command(tuple(tokens[end:]), ranks, environment, warnings)


def _split(tokens: Sequence[str]) -> Sequence[str]:
    """The words of a launch line that was given as one: in quotes, or after ``bash -c``.

    Raises:
        InputError: where its quotes do not close, and for a line without arguments.
    """
    if any(token.partition("=")[0] in rows() for token in tokens):
        return tokens
    if len(tokens) == 1 and "--" not in tokens[0] and len(tokens[0].split()) > 1:
        raise InputError(f"ARGS: {given(tokens[0])} is one word with none of Megatron-LM's arguments in it")
    found: list[str] = []
    for token in tokens:
        if "--" not in token or not re.search(r"\s", token.strip()):
            found.append(token)
            continue
        if len(found) > 1 and re.fullmatch(r"-[a-z]*c", found[-1]) and PurePath(found[-2]).name in SHELLS:
            del found[-2:]
        found += _words(token)
    return found


def _words(line: str) -> list[str]:
    """The words of a line of a shell, up to where the command that has Megatron-LM's arguments ends.

    Raises:
        InputError: where its quotes do not close.
    """
    words = split(line, "a launch line in one word")
    first = next((i for i, word in enumerate(words) if word.partition("=")[0] in rows()), len(words))
    start = max((i + 1 for i in range(first) if words[i] in ("&&", "||", ";") or words[i].endswith(";")), default=0)
    words, first = words[start:], first - start
    for place in range(first, len(words)):
        if ENDS.fullmatch(words[place]):
            return words[:place]
        if words[place].endswith(";"):
            return [*words[:place], words[place].rstrip(";")]
    return words


def _script(tokens: Sequence[str], start: int) -> int:
    """Where arguments begin: after the script's or module's name, or at once."""
    if start >= len(tokens) or tokens[start].partition("=")[0] in rows():
        return start
    first = next((i for i in range(start, len(tokens)) if tokens[i].partition("=")[0] in rows()), len(tokens))
    scripts = [i for i in range(start, first) if tokens[i].endswith(".py")]
    if scripts:
        return scripts[0] + 1
    return first if _launches(tokens[start]) or _launch_option(tokens[start]) else start


def _launches(word: str) -> bool:
    name = PurePath(word).name
    return name in LAUNCHERS or re.fullmatch(r"(python|pypy|uv|bash|sh|numactl|nsys|time|exec)[\d.]*", name) is not None


def _launch_option(word: str) -> bool:
    return word.partition("=")[0] in (*PER_NODE, *NODES, "-m", "--module")


def _ranks(words: Sequence[str]) -> tuple[int | None, tuple[str, ...]]:
    """Ranks that a launcher's options start, and what could not be read."""
    options = _options(words)
    each = next((options[name] for name in PER_NODE if name in options), None)
    nodes = next((options[name] for name in NODES if name in options), None)
    if each is not None:
        if each in BY_THEMSELVES:
            return None, (f"--nproc-per-node {each}: no number; the world size is not known from it",)
        most = _most(nodes or "1")
        said = (f"--nnodes {shown(nodes)}: taken as its most, {most} nodes",) if nodes and most != nodes else ()
        return _count("--nproc-per-node", each) * _count("--nnodes", most), said
    names = {PurePath(word).name for word in words}
    if "srun" in names:
        return _slurm(options), ()
    if names & {"mpirun", "mpiexec"}:
        total = next((options[name] for name in MPI if name in options), None)
        return (None if total is None else _count("-np", total)), ()
    if "torchrun" in names or "torch.distributed.run" in names or "torch.distributed.launch" in names:
        return _count("--nnodes", _most(nodes or "1")), ()  # one process per node where torchrun is not told
    return None, ()


def _slurm(options: Mapping[str, str]) -> int | None:
    """Tasks of srun: as given, or per node times nodes."""
    said = {SLURM[name]: value for name, value in options.items() if name in SLURM}
    if "ranks" in said:
        return _count("--ntasks", said["ranks"])
    if "each" in said and "nodes" in said:
        return _count("--ntasks-per-node", said["each"]) * _count("--nodes", _most(said["nodes"], "-"))
    return None


def _options(words: Sequence[str]) -> dict[str, str]:
    """Options and their values; of a short one, also where they are written together (``-N8``)."""
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        name, joined, value = word.partition("=")
        short = re.fullmatch(r"(-[nN])(\d+)", word)
        if short:
            found[short[1]] = short[2]
        elif joined:
            found[name] = value
        elif place + 1 < len(words):
            found[name] = words[place + 1]
    return found


def _most(nodes: str, between: str = ":") -> str:
    """The larger end of a range of nodes, as torchrun (``1:4``) and Slurm (``1-4``) write them."""
    return nodes.rpartition(between)[2]


def _count(name: str, text: str) -> int:
    """A number of ranks or nodes.

    Raises:
        InputError: if it is none.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= LARGEST:
        raise InputError(f"{name}: got {given(text)}; expected a whole number of at least 1")
    return value


def ranks_of(environment: Mapping[str, str]) -> int | None:
    """The world size that environment variables set.

    Raises:
        InputError: if it is set to anything but a number.
    """
    text = environment.get("WORLD_SIZE")
    return None if not text else _count("WORLD_SIZE", text)


def split(text: str, what: str = "Megatron-LM's arguments") -> list[str]:
    """The words of a shell's text.

    Raises:
        InputError: where its quotes do not close.
    """
    try:
        return shlex.split(text.replace("\\\r\n", " ").replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise InputError(f"{what}, {given(text)}, cannot be split into words: {str(error).lower()}") from None
