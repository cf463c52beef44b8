"""Scaling laws: one file each, with constants, citation and fitted range.

>>> from weighbridge import laws
>>> f"{laws.find('hoffmann-3').optimum(5.76e23).parameters:.3g}"
'4.04e+10'
"""

from __future__ import annotations

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.laws.besiroglu import BESIROGLU
from weighbridge.laws.deepseek import DEEPSEEK
from weighbridge.laws.hoffmann import APPROACH_1, APPROACH_2, APPROACH_3, APPROACH_3_ROUNDED
from weighbridge.laws.kaplan import KAPLAN
from weighbridge.laws.krajewski import KRAJEWSKI
from weighbridge.laws.law import Allocation as Allocation
from weighbridge.laws.law import Law as Law
from weighbridge.laws.llama3 import LLAMA_3
from weighbridge.laws.muennighoff import MUENNIGHOFF
from weighbridge.laws.muennighoff import Muennighoff as Muennighoff
from weighbridge.laws.parametric import Parametric as Parametric
from weighbridge.laws.runs import Runs as Runs
from weighbridge.laws.sardana import SARDANA
from weighbridge.laws.sardana import lifetime as lifetime

LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        APPROACH_1,
        APPROACH_2,
        APPROACH_3,
        APPROACH_3_ROUNDED,
        BESIROGLU,
        MUENNIGHOFF,
        SARDANA,
        LLAMA_3,
        DEEPSEEK,
        KRAJEWSKI,
        KAPLAN,
    )
}
"""Every law by its name."""

ONLY_WITH = {SARDANA.name: "inference_tokens"}
"""Laws that are asked only where a number is given, unless by name: its own constants say nothing else."""


def find(name: str, field: str = "law") -> Law:
    """The law of a name.

    Raises:
        InputError: for a name that is none, with the nearest ones.
    """
    found = LAWS.get(name.lower()) if isinstance(name, str) else None
    if found is None:
        near = did_you_mean(name, LAWS) if isinstance(name, str) else ""
        raise InputError(f"{field}: no law {given(name)}; allowed: {', '.join(LAWS)}{near}")
    return found
