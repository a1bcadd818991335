"""The command line: ``childsurv check``, ``report``, ``demo``, ``layouts`` and ``rules``."""

from __future__ import annotations

import click

from childsurv._version import __version__
from childsurv.cli.check_command import check
from childsurv.cli.demo_command import demo
from childsurv.cli.failures import Commands
from childsurv.cli.listings import layouts_command, rules_command
from childsurv.cli.report_command import write_report

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="childsurv")
def main() -> None:
    """Population-based childhood cancer survival: registry extracts in, honest comparison out."""


for command in (check, demo, layouts_command, rules_command, write_report):
    main.add_command(command)
