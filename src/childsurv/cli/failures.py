"""Errors on the command line: one paragraph for those of childsurv, and no data in any other."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from childsurv.errors import ChildsurvError

SHOW_MESSAGES = "CHILDSURV_SHOW_MESSAGES"
"""Environment variable that makes unexpected errors show their message, which may hold values of the data."""

USER_ERROR = 2
UNEXPECTED_ERROR = 1


class Commands(click.Group):
    """Turns errors of childsurv into one paragraph, and keeps data out of all others."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and report what it raises."""
        never_fail_to_print()
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except ChildsurvError as error:
            click.echo(f"childsurv: {error}", err=True)
        except BrokenPipeError:
            # The reader of the output, such as `head`, has seen enough: nothing is wrong.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (open until the program ends)
            ctx.exit(0)
        except OSError as error:
            # Names of files and what the system reports about them; nothing of their content.
            where = f" ({error.filename})" if error.filename else ""
            click.echo(f"childsurv: {error.strerror or type(error).__name__}{where}", err=True)
        except Exception as error:
            if os.environ.get(SHOW_MESSAGES):
                raise
            click.echo(_without_data(error), err=True)
            ctx.exit(UNEXPECTED_ERROR)
        ctx.exit(USER_ERROR)


def never_fail_to_print() -> None:
    """Write what a console cannot show as escapes, instead of failing on a Cyrillic name."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _without_data(error: BaseException) -> str:
    """Return a traceback without messages: those of other libraries may quote values of patients."""
    parts = []
    one: BaseException | None = error
    while one is not None:
        frames = "".join(traceback.format_list(traceback.extract_tb(one.__traceback__)))
        parts.append(f"{frames}{type(one).__module__}.{type(one).__qualname__} (message not shown)")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return (
        "Traceback (most recent call last):\n"
        + "\n\nwhile handling:\n".join(parts)
        + "\n\nchildsurv: an unexpected error, which is a fault of childsurv: please report the lines above. "
        f"Set {SHOW_MESSAGES}=1 to see the message of the error too; it may hold values from your data, so "
        "read it before you pass it on."
    )
