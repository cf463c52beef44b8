"""What a question may reach beyond itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from weighbridge.formats.door import OPEN, Door, Handed


class Access(Enum):
    """What a question may reach beyond what it holds and the catalogues."""

    QUESTION = "question"
    """Nothing: names of the catalogues, tables of fields, files that came with it."""
    HUB = "hub"
    """The Hugging Face hub too, for configurations and headers of weights."""
    MACHINE = "machine"
    """Everything that the command line reaches."""

    def door(self, handed: Mapping[str, Handed]) -> Door:
        """The door that a question is answered behind, with the files that came with it."""
        if self is Access.MACHINE:
            return OPEN
        return Door(False, self is Access.HUB, handed)
