"""What is shown for operators says what the service does: its policy, its hashed folders, options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from weighbridge.server.command import command
from weighbridge.server.headers import PAGE
from weighbridge.server.settings import Settings
from weighbridge.server.site import FOR_EVER, TYPES

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_hosts_of_the_page_send_its_policy_and_keep_what_is_hashed() -> None:
    headers, nginx = (DEPLOY / "_headers").read_text("utf-8"), (DEPLOY / "static.conf").read_text("utf-8")
    assert f"Content-Security-Policy: {PAGE}\n" in headers
    assert f'set $policy "{PAGE}";' in nginx
    for folder in ("assets", "python"):
        assert re.search(rf"^/{folder}/\*\n(?:  .*\n)*  Cache-Control: {FOR_EVER}$", headers, re.MULTILINE)
    assert f'location ~ ^/(assets|python)/ {{\n        set $keep "{FOR_EVER}";' in nginx
    for end, kind in TYPES.items():
        assert re.search(rf"^        {re.escape(kind)} .*\b{end[1:]}\b.*;$", nginx, re.MULTILINE), end


def test_the_image_runs_the_service_with_options_that_there_are() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    words = shlex.split(text.partition("ENTRYPOINT [")[2].partition("]")[0].replace(",", " "))
    assert words[:2] == ["weighbridge", "serve"]
    with click.Context(command) as context:
        command.parse_args(context, words[2:])
        assert (context.params["host"], context.params["drain"]) == ("0.0.0.0", 5.0)
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((DEPLOY.parent / one).exists() for one in source.split())


def test_the_proxy_takes_bodies_that_the_service_takes() -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert f"client_max_body_size {Settings().body // 2**20}m;" in text
    assert "location = /metrics {\n        return 404;" in text
