"""Lists of module names as the formats write them, compared with the names that a model's modules have.

Three ways of matching, each as the library that wrote the list does it:

- ``transformers`` (quantizers/quantizers_utils.py, should_convert_module): an entry is a regular expression that meets
  a name from its start to the end of a part, or the end of a name;
- globs (ModelOpt): an entry is a name, of a module or of what holds it, in which ``*`` stands for anything;
- compressed-tensors (utils/match.py): an entry is a whole name, a class, or after ``re:`` a regular expression that
  meets a name from its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from weighbridge.errors import InputError, given
from weighbridge.models.storage import Listed, Site

PREFIXES = ("model.language_model.", "language_model.model.", "language_model.", "model.", "backbone.", "transformer.")
"""What stands before ``layers`` in the names of checkpoints; names are compared without it."""

BEFORE = ("model.", "model.language_model.", "language_model.model.", "backbone.")
"""What a regular expression may find before ``layers``."""

TRANSFORMERS, GLOB, COMPRESSED = "transformers", "glob", "compressed-tensors"

CLASSES = {"linear": ("Linear",), "head": ("Linear", "ParallelLMHead"), "embedding": ("Embedding",)}
"""Classes by which compressed-tensors may name a module, by its sort."""

MOST_REPEATS = 5
"""Repetitions in a regular expression: the time to find that one does not fit grows with a power of their number."""

MOST_PATTERNS = 2_000
"""Entries with special characters: each is compared with every name."""


class Names:
    """A list of entries.

    Attributes:
        field: where it stands, for errors.
        entries: the entries.
        way: how they match.
    """

    def __init__(self, field: str, entries: Iterable[str], way: str) -> None:
        self.field, self.entries, self.way = field, list(entries), way
        literal = re.compile(r"[\w.\-]+")
        self.plain = {stripped(e): e for e in self.entries if literal.fullmatch(e)}
        special = [e for e in self.entries if not literal.fullmatch(e)]
        if len(special) > MOST_PATTERNS:
            raise InputError(f"{field}: got {len(special):,} patterns; allowed: at most {MOST_PATTERNS:,}")
        self.patterns = {e: self._pattern(e) for e in special}
        self.ends = tuple(name for name in self.plain if "." not in name) if way == TRANSFORMERS else ()
        self._ended: dict[str, list[str]] = {}
        self._held: dict[str, bool] = {}

    @property
    def by_layer(self) -> bool:
        """An entry names single layers."""
        return any(re.search(r"(^|[.(|\[{])-?\d", entry) for entry in self.entries)

    @property
    def by_expert(self) -> bool:
        """An entry names single experts."""
        return any(re.search(r"experts\\?\.[(\[\d]", entry) for entry in self.entries)

    def takes(self, site: Site) -> bool:
        """Whether an entry names the module of a site, or what holds it."""
        if self.way == COMPRESSED and not self.plain.keys().isdisjoint(CLASSES.get(site.sort, ())):
            return True
        return any(self.meets(name) for name in site.names)

    def meets(self, name: str) -> bool:
        """Whether an entry meets a name."""
        if name in self.plain or (self.way != COMPRESSED and self.held(name.rpartition(".")[0])):
            return True
        if self.way == TRANSFORMERS and any(end in self.plain for end in self.ends_of(name)):
            return True
        return any(pattern.match(whole) for pattern in self.patterns.values() for whole in wholes(name, self.way))

    def held(self, holder: str) -> bool:
        """Whether an entry without special characters names what holds a module, or what holds that."""
        if not holder:
            return False
        if holder not in self._held:
            self._held[holder] = holder in self.plain or self.held(holder.rpartition(".")[0])
        return self._held[holder]

    def ends_of(self, name: str) -> Iterator[str]:
        """What an entry may be that meets the end of a name, or of the name of all experts that hold the module."""
        experts = name.find(".experts.")
        for end in (name, name[: experts + 8]) if experts >= 0 else (name,):
            yield from tails(end)
            yield from self.last_ends(end.rpartition(".")[2])

    def last_ends(self, last: str) -> list[str]:
        """Entries of one word that a name's last part ends in."""
        if last not in self._ended:
            self._ended[last] = [end for end in self.ends if last.endswith(end)]
        return self._ended[last]

    def listed(self) -> Listed:
        """The list, to be compared with all names."""
        return Listed(self.field, self.unmet)

    def unmet(self, modules: list[tuple[str, ...]]) -> list[str]:
        """Entries that meet no module, and no class of one."""
        names = {name for several in modules for name in several}
        found = with_holders(names)
        if self.way == TRANSFORMERS:
            found |= {end for name in names for end in self.ends_of(name)}
        if self.way == COMPRESSED:
            found |= {word for words in CLASSES.values() for word in words}
        missing = [entry for form, entry in self.plain.items() if form not in found]
        whole = {form for name in names for form in wholes(name, self.way)} if self.patterns else ()
        return missing + [e for e, p in self.patterns.items() if not any(map(p.match, whole))]

    def _pattern(self, entry: str) -> re.Pattern[str]:
        """An entry with special characters as what meets a name from its start.

        Raises:
            InputError: for a regular expression that is none, or one that could take for ever.
        """
        text = entry.removeprefix("re:") if self.way == COMPRESSED else stripped(entry)
        if self.way == GLOB:
            text = re.sub(r"(\\\*)+", ".*", re.escape(text))
        if len(re.findall(r"(?<!\\)[*+{]", text)) > MOST_REPEATS or re.search(r"\)[*+{]", text):
            allowed = f"a pattern of at most {MOST_REPEATS} repetitions, none of a group"
            raise InputError(f"{self.field}: got {given(entry)}; allowed: {allowed}")
        try:
            return re.compile(text if self.way == COMPRESSED else rf"(?:{text})(?:(?<=\.)|(?=\.|$))")
        except (re.error, OverflowError, RecursionError) as error:
            raise InputError(f"{self.field}: {given(entry)} is no regular expression ({error})") from None


def stripped(name: str) -> str:
    """A name without what stands before ``layers``."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def with_holders(names: set[str]) -> set[str]:
    """Names, and those of what holds the modules."""
    found = set(names)
    for name in names:
        holder = name.rpartition(".")[0]
        while holder and holder not in found:
            found.add(holder)
            holder = holder.rpartition(".")[0]
    return found


def tails(name: str) -> Iterator[str]:
    """The ends of a name, from the longest."""
    at = name.find(".")
    while at >= 0:
        yield name[at + 1 :]
        at = name.find(".", at + 1)


def wholes(name: str, way: str) -> tuple[str, ...]:
    """A name as a pattern of that way is compared with it: one that begins with anything wants something there."""
    if way != COMPRESSED:
        return (name, f"model.{name}")
    return (name, f"language_model.{name}") if name == "lm_head" else tuple(before + name for before in BEFORE)
