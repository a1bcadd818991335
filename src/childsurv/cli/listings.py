"""``childsurv layouts`` and ``childsurv rules``: what is built in."""

from __future__ import annotations

from pathlib import Path

import click

from childsurv.cli.reading_options import rules_option
from childsurv.cli.terminal import show_table
from childsurv.extract import check_rules, layouts, load_layout


@click.command("layouts")
@click.argument("name", required=False)
def layouts_command(name: str | None) -> None:
    """List the built-in layouts, or describe one (or a TOML file) field by field."""
    if name is not None:
        click.echo(load_layout(name).describe())
        return
    for one in layouts():
        click.echo(f"{one:12}{load_layout(one).description}")


@click.command("rules")
@rules_option
def rules_command(rules: tuple[Path, ...]) -> None:
    """List every check: its code, severity, whether it leaves rows out, and its message."""
    show_table(check_rules(list(rules) or None)[["code", "severity", "excludes", "message"]])
