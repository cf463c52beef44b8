"""Names of modules that fine-tuning asks for: lists of ends of names, or one regular expression, as PEFT reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.models.storage import Site

ALL_LINEAR = "all-linear"
"""All projections but the head (PEFT, tuners/tuners_utils.py, _maybe_include_all_linear_layers)."""

BEFORE = (("", "layers"), ("model.", "layers"), ("model.language_model.", "layers"), ("transformer.", "h"))
"""What stands before names in models of ``transformers``, and what layers are called there."""

ONE_BY_ONE = frozenset(
    (
        *("mixtral", "qwen3_moe", "qwen3_next", "deepseek_v2", "deepseek_v3", "deepseek_v32", "dots1", "ernie4_5_moe"),
        *("glm4_moe", "glm_moe_dsa", "longcat_flash", "hunyuan_v1_moe", "olmoe", "flex_olmo"),
        *("minimax", "minimax_m2"),
    )
)
"""Types whose names of single experts PEFT takes for the tensors that ``transformers`` 5 has of all of them, the
router's too; modules beside them that have the same names are then none of its targets (PEFT,
utils/transformers_weight_conversion.py, _convert_peft_config_moe; transformers, conversion_mapping.py)."""

LINEAR_ROUTERS = frozenset(("dbrx", "llama4", "llama4_text", "phimoe"))
"""Types whose routers are modules like other projections in ``transformers``."""

OF_EXPERTS = ("gate_proj", "up_proj", "down_proj")
"""What they are called, as are projections of dense layers and of shared experts."""

LITERAL = re.compile(r"[\w.\-]+")


class Targets:
    """What a list asks for.

    Attributes:
        field: what it is called, for errors.
        entries: the list.
    """

    def __init__(self, field: str, entries: Sequence[str], sites: Iterable[Site], others: Iterable[str] = ()) -> None:
        self.field, self.entries = field, tuple(entries)
        self._sites, self._others = list(sites), sorted(others)
        self._pattern: re.Pattern[str] | None = None
        if self.entries and not all(LITERAL.fullmatch(entry) for entry in self.entries):
            self._pattern = self._compiled(",".join(self.entries))

    def _compiled(self, text: str) -> re.Pattern[str]:
        try:
            return re.compile(text)
        except re.error as error:
            raise InputError(f"{self.field}: {given(text)} is no regular expression: {error}") from None

    def takes(self, site: Site, inside: bool = False) -> bool:
        """Whether a module is asked for; ``inside``: or what holds it."""
        if self._pattern is not None:
            return any(self._pattern.fullmatch(name) for name in full(site, self._pattern.pattern))
        return any(self._meets(entry, site, inside) for entry in self.entries)

    @staticmethod
    def _meets(entry: str, site: Site, inside: bool) -> bool:
        if entry.lower() == ALL_LINEAR:
            return site.sort in ("linear", "conv1d", "router")
        for name in site.names:
            own = f".{name}"
            if own.endswith(f".{entry}") or (inside and f".{entry}." in own):
                return True
        return False

    @property
    def unmet(self) -> tuple[str, ...]:
        """Entries of a list that meet no module."""
        if self._pattern is not None:
            return ()
        return tuple(e for e in self.entries if not any(self._meets(e, site, True) for site in self._sites))

    def check(self, every: bool = True) -> None:
        """Refuse what meets no module: a list of which an entry meets none, or all of them do.

        Raises:
            InputError: naming it and the nearest that there is.
        """
        ends = sorted({name.rpartition(".")[2] for site in self._sites for name in site.names[:1]})
        if self._pattern is not None:
            if not any(self.takes(site) for site in self._sites):
                shown = given(self._pattern.pattern)
                raise InputError(f"{self.field}: {shown} meets no module; modules are {', '.join(ends)}")
            return
        if self.unmet and (every or len(self.unmet) == len(self.entries)):
            entry = self.unmet[0]
            known = sorted({*self._others, *ends, *(n.rpartition(".")[2] for s in self._sites for n in s.names)})
            near = did_you_mean(entry, known) or f"; modules are {', '.join(ends)}"
            raise InputError(f"{self.field}: {given(entry)} meets no module{near}")


def full(site: Site, pattern: str = "") -> Iterator[str]:
    """The names of a module as a whole model has them."""
    for name in site.names:
        for before, layers in BEFORE:
            yield before + (f"{layers}{name[6:]}" if name.startswith("layers.") else name)
