"""``weighbridge serve``: the page and the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from weighbridge.cli.options import Once, Share, Whole
from weighbridge.errors import InputError, given
from weighbridge.server.settings import SITE, Settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

LEVELS = ("debug", "info", "warning", "error")


@click.command("serve", cls=Once)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 for all.")
@click.option("--port", type=Whole(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--workers", type=Whole(1, 256), help="Processes for quick questions; one per processor.")
@click.option("--slow-workers", type=Whole(1, 256), help="Processes for slow ones; half as many.")
@click.option("--queue", type=Whole(1, 100_000), default=Settings.queue, show_default=True, help="Questions that wait.")
@click.option("--seconds", type=Share(0.1, 3600), default=Settings.seconds, show_default=True, help="Of computing.")
@click.option("--max-body", type=Whole(1024, 2**30), default=Settings.body, show_default=True, help="Bytes.")
@click.option("--cache", type=Whole(0, 2**40), default=Settings.cached, show_default=True, help="Bytes of answers.")
@click.option("--drain", type=Share(0, 3600), default=Settings.drain, show_default=True, help="Seconds after SIGTERM.")
@click.option("--hub", is_flag=True, help="Let questions name repositories of the Hugging Face hub.")
@click.option("--hub-host", multiple=True, metavar="HOST", help="With --hub: a host that may be asked, *.example.org.")
@click.option("--site", type=FOLDER, metavar="FOLDER", help="A built page; by default the one installed.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged.")
def command(host: str, port: int, log_level: str, **options: Any) -> None:
    """Serve the page and the HTTP service: answers are those of --json, at /api/v1 (docs/service.md).

    It listens on this machine alone unless --host says otherwise, reads no file and asks nothing of the network on
    behalf of a question, and needs the extra: pip install "weighbridge[serve]".
    """
    settings = settings_of(options)
    try:
        import fastapi  # noqa: F401
        import httptools  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise InputError(f'serve needs {error.name}: pip install "weighbridge[serve]"') from None
    from weighbridge.server.running import run

    run(settings, host, port, log_level)


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings that options make.

    Raises:
        InputError: for options that do not go together.
    """
    if options["hub_host"] and not options["hub"]:
        raise InputError(f"--hub-host: got {given(options['hub_host'][0])}; of the hub, which --hub turns on")
    if options["site"] and not (options["site"] / "index.html").is_file():
        raise InputError(
            f"--site: got {given(str(options['site']))}, which has no index.html; make site builds the page"
        )
    quick = options["workers"] or Settings.quick
    return Settings(
        quick=quick,
        slow=options["slow_workers"] or max(1, quick // 2),
        queue=options["queue"],
        seconds=options["seconds"],
        body=options["max_body"],
        cached=options["cache"],
        drain=options["drain"],
        hub=options["hub"],
        hub_hosts=tuple(options["hub_host"]),
        site=options["site"] or SITE,
    )
