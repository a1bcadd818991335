"""A runner of commands, and small extracts for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from childsurv import cli
from childsurv.demo import write_extracts


@pytest.fixture(scope="session")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the extracts of three small countries in three layouts."""
    folder = tmp_path_factory.mktemp("extracts")
    write_extracts(folder, patients=600, seed=4, countries=["XND", "XBK", "XTS"])
    return folder


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """Runner of one command with its arguments."""

    def run_command(*arguments: str | Path) -> Result:
        return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])

    return run_command
