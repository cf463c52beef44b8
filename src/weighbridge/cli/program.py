"""Entry point: finds the command, and turns every error of the user's into one line and exit status 2."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from weighbridge import __version__
from weighbridge.errors import WeighbridgeError, did_you_mean, given, printable

HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""How help is asked for, of every command: click keeps what the first context of a command says."""

LONGEST_LINE = 1200
"""Characters of an error line."""

COMMANDS = {
    "params": "Parameters, total and active, by module.",
    "flops": "Forward and training FLOPs, by module and by convention.",
    "train": "Memory of every rank in training: peak, ledger, fit, what would help.",
    "megatron": "The same, from an unchanged list of Megatron-LM's arguments.",
    "infer": "Serving: fit, users, time to the first token and to each next, cost per token.",
    "local": "Which of a model's quantisations fits on one's own devices, and at what speed.",
    "scaling": "Compute-optimal size, tokens, loss and cost, by scaling laws.",
    "compare": "Models side by side.",
    "models": "The catalogue of models.",
    "clusters": "The catalogue of accelerators; one of them, or a cluster, in full.",
    "serve": "The page and the HTTP service.",
}

ABOVE = {"serve": "weighbridge.server.command"}
"""Commands of floors above this one, which are found by name."""


class Commands(click.Group):
    """Commands whose files load when they are called, which keeps the start quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(ABOVE.get(cmd_name, f"weighbridge.cli.{cmd_name}")).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            allowed = f"allowed: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {given(args[0])}; {allowed}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="weighbridge")
def program() -> None:
    """Weighs a transformer language model before it takes the cluster.

    MODEL is a catalogue name (weighbridge models), a config.json or the folder that holds it, a Hugging Face id (its
    configuration only), a GGUF file, a Llama params.json, or a TOML description.
    """


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line.

    Exit status: 0 answered; 1 the output could not be written; 2 the input was wrong, said in one line on standard
    error; 3 it does not fit, and ``--check`` was given; 70 a defect of Weighbridge; 130 interrupted.
    """
    _forgiving_output()
    try:
        result: Any = program.main(arguments, prog_name="weighbridge", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        sys.exit(0)
    except click.exceptions.Abort:
        _end(130, "interrupted")
    except click.ClickException as error:
        _end(2, error.format_message())
    except WeighbridgeError as error:
        _end(2, str(error))
    except KeyboardInterrupt:
        _end(130, "interrupted")
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _discard_output()
        sys.exit(0)
    except OSError as error:
        _discard_output()
        _end(1, f"the output cannot be written: {error.strerror or error}")
    except Exception as error:
        if "WEIGHBRIDGE_TRACEBACK" in os.environ:
            raise
        kind = type(error).__name__
        _end(70, f"internal error, please report it ({kind}: {error}); WEIGHBRIDGE_TRACEBACK=1 shows where")
    sys.exit(result if isinstance(result, int) else 0)


def _forgiving_output() -> None:
    """Make characters that the terminal's encoding lacks into question marks; a closed output into none."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - it stays open until the process ends
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _discard_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter does not complain when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(status: int, message: str) -> NoReturn:
    print("weighbridge: " + printable(" ".join(message.split()), LONGEST_LINE), file=sys.stderr)
    sys.exit(status)
