"""Options that several commands share, and how a result is printed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

import click

from weighbridge.errors import InputError, did_you_mean, given
from weighbridge.formats.amounts import PRICE
from weighbridge.models import Model, families
from weighbridge.models.config import LARGEST
from weighbridge.report.document import Document

F = TypeVar("F", bound=Callable[..., Any])


def model_argument(function: F, required: bool = True) -> F:
    """MODEL, ``--set`` and ``--family``."""

    @wraps(function)
    def read_as(*arguments: Any, family: str | None, changes: tuple[str, ...], **options: Any) -> Any:
        if family is not None:
            check_family(family)
            changes = (*changes, f"model_type={json.dumps(family)}")
        return function(*arguments, changes=changes, **options)

    family = click.option("--family", metavar="TYPE", help="Read MODEL as this model_type, whatever it calls itself.")
    changes = click.option(
        "--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Override a field of the configuration."
    )
    return click.argument("model", required=required)(family(changes(read_as)))  # type: ignore[return-value]


def check_family(family: str) -> None:
    """Refuse what no family is called.

    Raises:
        InputError: with the nearest.
    """
    if family not in families():
        near = did_you_mean(family, families())
        raise InputError(f"--family: got {given(family)}; weighbridge models --families lists what is covered{near}")


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md).")(function)


def advice_option(function: F) -> F:
    """``--no-advice``."""
    return click.option("--advice/--no-advice", default=True, help="Say what would help, or answer sooner.")(function)


def explain_options(function: F) -> F:
    """``--explain``, ``--depth`` and ``--format``."""
    function = click.option("--explain", is_flag=True, help="Show every formula, with the numbers put in.")(function)
    function = click.option(
        "--depth", type=Whole(1, 99), help="Levels of modules to open, in tables and explanations."
    )(function)
    formats = click.Choice(["text", "latex", "markdown"])
    return click.option("--format", "form", type=formats, default="text", help="Form of the output.")(function)


class Once(click.Command):
    """A command that refuses an option given twice, of which click would silently take the last."""

    def make_parser(self, ctx: click.Context) -> Any:
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def once(args: list[str]) -> Any:
            found = parse(args=args)
            order = found[2]
            for param in dict.fromkeys(order):
                if isinstance(param, click.Option) and not param.multiple and order.count(param) > 1:
                    raise click.UsageError(f"{param.opts[0]}: given twice; allowed is once", ctx)
            return found

        parser.parse_args = once  # type: ignore[method-assign]
        return parser


@dataclass(frozen=True)
class Part:
    """A field of an option's text, such as ``r`` of ``r=16,targets=all-linear,dora``.

    Attributes:
        name: of the field.
        suggested: values that it most often has, the most usual first.
        flag: whether it stands alone, without a value.
    """

    name: str
    suggested: tuple[str, ...] = ()
    flag: bool = False


class Suggesting(click.Option):
    """An option of free text that most often takes one of some names.

    Attributes:
        suggested: those names, the most usual first.
        parts: fields that the text consists of, where it has any.
        ways: by a name, what this option and others most often take together; ``None`` leaves one out.
    """

    def __init__(
        self,
        *declared: Any,
        suggested: Iterable[object],
        parts: tuple[Part, ...] = (),
        ways: Mapping[str, Mapping[str, str | bool | None]] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(*declared, **others)
        self.suggested, self.parts, self.ways = tuple(map(str, suggested)), parts, ways


def suggesting(name: str, suggested: Iterable[object], **others: Any) -> Callable[[F], F]:
    """An option of free text with names that it most often takes."""
    return click.option(name, cls=Suggesting, suggested=suggested, **others)


def price_option(function: F) -> F:
    """``--price``, where the catalogue has one to go by."""
    *_, example = PRICE
    said = f"Per GPU and hour, such as {example}; the catalogue's by default."
    return click.option("--price", metavar="DOLLARS", help=said)(function)


WHOLE = r"[+-]?[0-9]{1,4000}"
DECIMAL = r"[+-]?[0-9]{1,300}(\.[0-9]{0,300})?"


def _refused(value: Any, kind: str, form: str, low: float | None, high: float | None) -> str:
    """What was given, and the bounds with separators."""
    bounds = f"{low:,} or more" if high is None else f"{low:,} to {high:,}"
    text = str(value).strip()
    if not re.fullmatch(form, text):
        return f"got {given(text)}; expected {kind}, {bounds}"
    return f"got {given(int(text) if re.fullmatch(WHOLE, text) else float(text))}; allowed is {bounds}"


class Share(click.FloatRange):
    """A number within bounds; "nan", which is within none and outside none, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            found = super().convert(value, param, ctx)
        except click.BadParameter:
            found = math.nan
        if math.isnan(found):
            self.fail(_refused(value, "a number", DECIMAL, self.min, self.max), param, ctx)
        return found


class Whole(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(_refused(value, "a whole number", WHOLE, self.min, self.max), param, ctx)


def count_option(name: str, default: int | None, text: str) -> Callable[[F], F]:
    """An option that takes a whole number from 1."""
    kind = Whole(1, LARGEST)
    return click.option(name, type=kind, default=default, show_default=default is not None, help=text)


def check_forms(explain: bool, quantity: str | None, form: str, as_json: bool, depth: int | None) -> None:
    """Refuse options that would have no effect.

    Raises:
        InputError: naming the option and what it belongs to.
    """
    if quantity and not explain:
        raise InputError("--quantity names the figure that --explain explains; add --explain")
    if as_json and depth and not explain:
        raise InputError("--json holds the whole tree; --depth belongs to --explain and to tables")
    if as_json and form != "text":
        raise InputError(f"--format {form} and --json are two forms of one output; choose one")


def check_explained(explain: bool, line: str | None, depth: int | None = None) -> None:
    """Refuse what says how figures are explained where none is.

    Raises:
        InputError: naming the option and what it belongs to.
    """
    if line and not explain:
        raise InputError("--line names the line that --explain explains; add --explain")
    if depth and not explain:
        raise InputError("--depth opens levels of --explain; add --explain")


def load_settings(changes: tuple[str, ...]) -> dict[str, Any]:
    """The fields that ``--set`` options change."""
    from weighbridge.formats.loading import setting

    return dict(setting(change) for change in changes)


def load_model(model: str | Mapping[str, Any], changes: tuple[str, ...]) -> Model:
    """The model of the command line's MODEL and ``--set`` options, or of a table of fields in MODEL's place."""
    from weighbridge.formats.loading import load

    return load(model, load_settings(changes)) if isinstance(model, str) else described(json.dumps(model), changes)


@lru_cache(maxsize=16)
def described(fields: str, changes: tuple[str, ...]) -> Model:
    """The model of a table of fields, as JSON. It stays, with what was recorded of it, so that further questions about
    it are quick.
    """
    from weighbridge.formats.loading import load

    return load(json.loads(fields), load_settings(changes))


def forget() -> None:
    """Let go of models that stay, such as after an interrupt that may have left one half made."""
    from weighbridge.formats.loading import of_entry

    of_entry.cache_clear()
    described.cache_clear()


@dataclass
class Taken:
    """What a command found, for a caller that is no terminal; a click context carries it (``obj``).

    Attributes:
        data: what ``--json`` would have printed; ``None`` until then.
    """

    data: Any = None


def taker() -> Taken | None:
    """Who takes the result of the command that runs; ``None`` where it is printed."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.find_object(Taken)


def print_json(data: Any) -> None:
    """Plain data on standard output, or to whoever asked from Python (:class:`Taken`)."""
    taken = taker()
    if taken is None:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        taken.data = data


def print_document(document: Document, form: str) -> None:
    """A document in the form that was asked for.

    Raises:
        InputError: for a form that only explanations have.
    """
    if form == "latex":
        raise InputError("--format latex: formulas only; add --explain, or use --format text or markdown")
    if form == "markdown":
        from weighbridge.report.markdown import as_markdown

        click.echo(as_markdown(document), nl=False)
        return
    from weighbridge.report.text import printed

    click.echo(printed(document), nl=False)


def print_explanation(figures: list[Any], form: str, depth: int | None) -> None:
    """Explanations of figures in the form that was asked for."""
    from weighbridge.report.explanation import FORMS

    click.echo("\n\n".join(FORMS[form](figure, depth) for figure in figures))
