"""``weighbridge models [WORDS]``."""

from __future__ import annotations

import click

from weighbridge.cli.options import json_option, print_document, print_json
from weighbridge.errors import InputError, UnknownModelError, did_you_mean
from weighbridge.models import catalogue, families, family


@click.command("models")
@click.argument("words", nargs=-1)
@click.option("--families", "kinds", is_flag=True, help="List the families (model_types) that are covered instead.")
@json_option
def command(words: tuple[str, ...], kinds: bool, as_json: bool) -> None:
    """The catalogue of models; with WORDS, those in whose names, family or repository every word occurs."""
    wanted = " ".join(words)
    if kinds:
        list_families(words, as_json)
        return
    found = catalogue.search(wanted)
    if not found:
        near = did_you_mean(wanted, catalogue.names())
        raise UnknownModelError(f"WORDS: no model of the catalogue matches {wanted!r}{near}")
    from weighbridge.report import schema, tables

    if as_json:
        print_json(schema.catalogue(found))
    else:
        print_document(tables.catalogue(found, wanted), "text")


def list_families(words: tuple[str, ...], as_json: bool) -> None:
    """The families in whose type or name every word occurs.

    Raises:
        InputError: if there are none.
    """
    from weighbridge.report import schema, tables

    named = {kind: family(kind).Config.family for kind in families()}
    found = {kind: name for kind, name in named.items() if all(w.lower() in f"{kind} {name}".lower() for w in words)}
    if not found:
        raise InputError(f"WORDS: no family matches {' '.join(words)!r}{did_you_mean(' '.join(words), [*named])}")
    if as_json:
        print_json(schema.families(found))
    else:
        print_document(tables.families(found), "text")
