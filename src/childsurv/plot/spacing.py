"""Where labels and ticks go so that none covers another, and how wide a text is."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

FloatArray = npt.NDArray[np.float64]

LINE_HEIGHT = 1.3
"""Height of a line of text in units of its size."""

TIGHT = LINE_HEIGHT - 0.15
"""Matplotlib's line spacing of names that may take several lines."""

_MEASURE = TextToPath()


@functools.lru_cache(maxsize=4096)
def _line_width(line: str, family: str, size: float, weight: str) -> float:
    width, _, _ = _MEASURE.get_text_width_height_descent(
        line, FontProperties(family=[family], size=size, weight=weight), ismath=False
    )
    return float(width) / 72


def text_width(text: str, *, family: str, size: float, weight: str = "normal") -> float:
    """Return the width in inches of the longest line of a text; ``size`` in points."""
    return max((_line_width(line, family, size, weight) for line in text.split("\n")), default=0.0)


def text_height(text: str, *, size: float) -> float:
    """Return the height in inches that the lines of a text take; ``size`` in points."""
    return (text.count("\n") + 1) * LINE_HEIGHT * size / 72


def wrapped(text: str, width: float, *, family: str, size: float, weight: str = "normal") -> str:
    """Break a text between words into lines at most ``width`` inches wide; a longer word stays whole."""
    broken = []
    for line in text.split("\n"):
        full = _line_width(line, family, size, weight)
        if full <= width:
            broken.append(line)
            continue
        # Start from the letters that fit on average, and narrow until the widest line fits.
        letters = max(4, int(len(line) * width / full) + 2)
        longest_word = max(len(word) for word in line.split()) if line.split() else 1
        while True:
            parts = textwrap.wrap(line, letters, break_long_words=False, break_on_hyphens=False)
            widest = max(_line_width(part, family, size, weight) for part in parts)
            if widest <= width or letters <= longest_word:
                break
            letters -= 1
        broken.extend(parts)
    return "\n".join(broken)


def spread(wanted: Sequence[float], heights: Sequence[float], *, low: float, high: float) -> FloatArray:
    """Return centres near the wanted ones such that labels do not overlap and lie between two bounds.

    The centres ``y`` minimise ``sum (y - wanted)**2`` subject to ``y[k+1] - y[k] >= (heights[k] +
    heights[k+1]) / 2`` in the order of ``wanted``: an isotonic regression after subtracting the heights
    below, solved by pooling neighbours.

    Parameters
    ----------
    wanted
        Centres that the labels would have if alone, shape ``(n_labels,)``, in any order.
    heights
        Height of each label, the same shape and unit.
    low, high
        Bounds of the labels' edges; where they do not all fit, the stack keeps its order and is centred on
        the bounds.

    Returns
    -------
    ndarray
        Centres, shape ``(n_labels,)``, in the order given.
    """
    places = np.asarray(wanted, dtype=np.float64)
    sizes = np.asarray(heights, dtype=np.float64)
    if places.size == 0:
        return places
    order = np.argsort(places, kind="stable")
    size = sizes[order]
    below = np.concatenate([[0.0], np.cumsum((size[:-1] + size[1:]) / 2)])
    blocks: list[list[float]] = []  # mean and number of labels of each pooled block
    for value in places[order] - below:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, number = blocks.pop()
            blocks[-1][0] = (blocks[-1][0] * blocks[-1][1] + mean * number) / (blocks[-1][1] + number)
            blocks[-1][1] += number
    level = np.concatenate([np.full(int(number), mean) for mean, number in blocks])
    smallest, largest = low + size[0] / 2, high - size[-1] / 2 - below[-1]
    # Cutting an isotonic fit to bounds keeps it optimal and in order.
    level = (
        np.clip(level, smallest, largest)
        if smallest <= largest
        else np.full(level.size, (smallest + largest) / 2)
    )
    centres = np.empty_like(places)
    centres[order] = level + below
    return centres


def time_ticks(start: float, end: float, *, room: float, widest: float) -> FloatArray:
    """Return round times whose labels, ``widest`` inches wide, fit on an axis of ``room`` inches.

    Steps are 1, 2 or 5 times a power of ten, and at least 1 on an axis of 4 or more. A round end is always a
    tick, because that is the time a reader looks for; the tick before it gives way where the two would touch.
    """
    span = end - start
    scale = 10.0 ** np.floor(np.log10(span / 10))
    for step in scale * np.array([1, 2, 5, 10, 20, 50, 100]):
        if (step < 1 and span >= 4) or room * step / span < widest:
            continue
        first = np.ceil(start / step - 1e-9) * step
        # Adding 0 turns a negative zero, which would be written "-0", into 0.
        ticks = np.arange(first, end + step * 1e-6, step) + 0.0
        if end - ticks[-1] > step * 1e-6 and float(f"{end:.2g}") == end:
            fits = room * (end - ticks) / span >= widest
            ticks = np.append(ticks[fits], end)
        return ticks
    return np.array([start, end])


def percent_ticks(low: float, high: float, *, room: float, least: float | None = None) -> FloatArray:
    """Return round shares between two, at least ``least`` inches apart on an axis of ``room`` inches.

    Unless ``least`` is given, they are as far apart as suits lines of text: some five, more on a long axis.
    """
    least = float(np.clip(0.13 * room, 0.24, 0.45)) if least is None else least
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
    step = next((one for one in steps if room * one / (high - low) >= least), steps[-1])
    first = np.ceil(low / step - 1e-9)
    last = np.floor(high / step + 1e-9)
    # Adding 0 turns a negative zero, which would be written "-0", into 0.
    return np.asarray(np.arange(first, last + 1) * step + 0.0, dtype=np.float64)


def tick_text(value: float, language: str) -> str:
    """Return a number of an axis without needless decimals."""
    return f"{value:g}".replace(".", "," if language == "ru" else ".")
