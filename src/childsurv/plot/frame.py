"""What every picture shares: title and subtitle above, notes below, and places measured in inches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation, Transform

from childsurv.errors import OptionError
from childsurv.plot.spacing import LINE_HEIGHT, text_height, text_width, wrapped
from childsurv.plot.style import Theme
from childsurv.plot.writing import Picture, new_picture

EDGE = 0.1
"""Inches between the edge of a picture and what it holds."""


@dataclass(frozen=True)
class Frame:
    """Title, subtitle and notes of a picture, broken into lines that fit its width.

    Attributes
    ----------
    width : float
        Width of the picture in inches.
    title, subtitle, note : str
        The texts with line breaks; empty where there is none.
    theme : Theme
        Looks.
    """

    width: float
    title: str
    subtitle: str
    note: str
    theme: Theme

    @property
    def above(self) -> float:
        """Inches that title and subtitle take, edge included."""
        used = EDGE
        if self.title:
            used += text_height(self.title, size=self.theme.large)
        if self.subtitle:
            used += text_height(self.subtitle, size=self.theme.size)
        return used + (0.06 if used > EDGE else 0.0)

    @property
    def below(self) -> float:
        """Inches that the notes take, edge included."""
        return EDGE + (text_height(self.note, size=self.theme.small) + 0.06 if self.note else 0.0)

    def new_picture(self, height: float) -> Picture:
        """Return a picture whose middle part is ``height`` inches high, with title and notes drawn."""
        total = self.above + height + self.below
        picture = new_picture(self.width, total)
        left, top = EDGE / self.width, total - EDGE
        if self.title:
            picture.text(
                left,
                top / total,
                self.title,
                size=self.theme.large,
                weight="bold",
                va="top",
                linespacing=LINE_HEIGHT - 0.1,
            )
            top -= text_height(self.title, size=self.theme.large)
        if self.subtitle:
            picture.text(
                left,
                top / total,
                self.subtitle,
                color=self.theme.muted,
                va="top",
                linespacing=LINE_HEIGHT - 0.1,
            )
        if self.note:
            picture.text(
                left,
                (EDGE + text_height(self.note, size=self.theme.small)) / total,
                self.note,
                size=self.theme.small,
                color=self.theme.muted,
                va="top",
                linespacing=LINE_HEIGHT - 0.1,
            )
        return picture


def make_frame(
    width: float, theme: Theme, *, title: str | None, subtitle: str | None, notes: Sequence[str]
) -> Frame:
    """Return the frame of a picture; empty notes are left out."""
    room = width - 2 * EDGE
    return Frame(
        width=width,
        title=wrapped(title, room, family=theme.font, size=theme.large, weight="bold") if title else "",
        subtitle=wrapped(subtitle, room, family=theme.font, size=theme.size) if subtitle else "",
        note=joined_notes(notes, room, theme),
        theme=theme,
    )


def joined_notes(notes: Sequence[str], width: float, theme: Theme) -> str:
    """Return notes one after another, broken into lines of a width in inches."""
    return wrapped(
        " ".join(note.strip() for note in notes if note and note.strip()),
        width,
        family=theme.font,
        size=theme.small,
    )


def add_axes(picture: Picture, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place in inches from the lower left corner."""
    whole_width, whole_height = picture.get_size_inches()
    if width < 0.5:
        raise OptionError(
            "The picture is too narrow for its labels and columns of text; "
            "give a larger width=, shorter names=, or fewer columns."
        )
    return picture.add_axes(
        (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    )


def annotate_given_axes(
    ax: Axes,
    *,
    title: str | None,
    subtitle: str | None,
    note: str,
    below: float,
    theme: Theme,
    above: float = 0.0,
) -> None:
    """Write title and subtitle ``above`` inches over, the notes ``below`` inches under, a user's own axes."""
    pad = 4.0 + 72 * above
    if subtitle:
        ax.annotate(
            subtitle,
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, pad),
            textcoords="offset points",
            va="bottom",
            color=theme.muted,
            annotation_clip=False,
        )
        pad += 72 * text_height(subtitle, size=theme.size)
    if title:
        ax.set_title(title, loc="left", size=theme.large, weight="bold", pad=pad)
    if note:
        ax.annotate(
            note,
            (0, 0),
            xycoords="axes fraction",
            xytext=(0, -72 * below),
            textcoords="offset points",
            va="top",
            color=theme.muted,
            size=theme.small,
            annotation_clip=False,
            linespacing=LINE_HEIGHT - 0.1,
        )


def inches_from(ax: Axes, x: float, y: float) -> Transform:
    """Return a transform whose unit is an inch and whose origin is a place in axes fractions."""
    figure: Any = ax.figure
    corner: Any = ax.transAxes
    made: Transform = figure.dpi_scale_trans + ScaledTranslation(x, y, corner)
    return made


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of axes in inches, as they are now."""
    box = ax.get_window_extent()
    dpi: float = ax.figure.get_dpi() if hasattr(ax.figure, "get_dpi") else ax.figure.dpi
    return box.width / dpi, box.height / dpi


def percent_ticks(
    low: float, high: float, *, room: float, least: float | None = None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return round shares between two, at least ``least`` inches apart on an axis of ``room`` inches.

    Unless ``least`` is given, they are as far apart as suits lines of text: some five, more on a long axis.
    """
    least = float(np.clip(0.13 * room, 0.24, 0.45)) if least is None else least
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
    step = next((one for one in steps if room * one / (high - low) >= least), steps[-1])
    first = np.ceil(low / step - 1e-9)
    last = np.floor(high / step + 1e-9)
    # Adding 0 turns a negative zero, which would be written "-0", into 0.
    return np.arange(first, last + 1) * step + 0.0


def require_shares(pair: Any, *, argument: str) -> tuple[float, float]:
    """Return two ascending shares such as ``(0.5, 1)``; per cent by mistake is told."""
    try:
        low, high = (float(value) for value in pair)
    except (TypeError, ValueError):
        raise OptionError(f"{argument}= must be two shares, such as (0.5, 1).") from None
    if not (np.isfinite([low, high]).all() and 0 <= low < high):
        raise OptionError(f"{argument}= must be two ascending shares, 0 or more, such as (0.5, 1).")
    if high > 2:
        raise OptionError(f"{argument}= is in shares, not per cent: write (0.5, 1) for 50% to 100%.")
    return low, high


def require_share(value: Any, *, argument: str) -> float:
    """Return a share between 0 and 1; per cent by mistake is told."""
    if (
        not isinstance(value, int | float | np.number)
        or isinstance(value, bool)
        or not 0 <= float(value) <= 1
    ):
        raise OptionError(f"{argument}= must be a share between 0 and 1: write 0.6 for 60%.")
    return float(value)


def widest(texts: Sequence[str], theme: Theme, *, size: float, weight: str = "normal") -> float:
    """Return the width in inches of the widest text; 0 where there is none."""
    return max((text_width(one, family=theme.font, size=size, weight=weight) for one in texts), default=0.0)
