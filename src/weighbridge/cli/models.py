"""``weighbridge models [WORDS]``."""

from __future__ import annotations

import click

from weighbridge.cli.options import json_option, print_document, print_json
from weighbridge.errors import UnknownModelError, did_you_mean
from weighbridge.models import catalogue


@click.command("models")
@click.argument("words", nargs=-1)
@json_option
def command(words: tuple[str, ...], as_json: bool) -> None:
    """The catalogue of models; with WORDS, those in whose names, family or repository every word occurs."""
    wanted = " ".join(words)
    found = catalogue.search(wanted)
    if not found:
        near = did_you_mean(wanted, catalogue.names())
        raise UnknownModelError(f"WORDS: no model of the catalogue matches {wanted!r}{near}")
    from weighbridge.report import schema, tables

    if as_json:
        print_json(schema.catalogue(found))
    else:
        print_document(tables.catalogue(found, wanted), "text")
