"""The looks of pictures: colours, line styles, fonts and sizes, and how they are set for one picture only."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl

from childsurv.errors import OptionError

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
"""Colours that people with any common colour blindness tell apart (Okabe and Ito 2008), without the yellow,
which is too pale for lines on white."""

LINE_STYLES: tuple[Any, ...] = (
    "solid",
    (0, (5.5, 1.8)),
    (0, (1.2, 1.2)),
    (0, (7, 1.6, 1.2, 1.6)),
    (0, (10, 3)),
    (0, (4, 1.2, 1.2, 1.2, 1.2, 1.2)),
)
"""Six line styles: 6 and the number of colours, 7, have no common factor, so 42 curves differ."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "h", ">", "*", "p", "d")

_MARKER_SIZES = {
    "s": 3.9,
    "^": 4.8,
    "v": 4.8,
    "<": 4.8,
    ">": 4.8,
    "D": 3.7,
    "P": 5.2,
    "X": 5.2,
    "h": 4.9,
    "*": 6.6,
    "p": 4.9,
}
"""Sizes in points at which the markers look equally large; others take 4.3."""

_DRAWING_SETTINGS = frozenset(
    {
        "axes", "figure", "font", "grid", "hatch", "image", "legend", "lines", "markers", "mathtext", "patch",
        "path", "text", "xtick", "ytick",
    }
)  # fmt: skip

WIDTHS = {"column": 3.35, "page": 6.9, "landscape": 10.2}
"""Widths in inches: a journal's column (85 mm), the text of an A4 page (175 mm), and of a landscape one."""


@dataclass(frozen=True)
class Theme:
    """The looks of a picture.

    Attributes
    ----------
    colours, line_styles, markers : tuple
        Taken in turn by the groups of a picture, each at its own pace, so that curves differ in grey as well.
    font : str
        Font family. DejaVu Sans comes with matplotlib and has Latin and Cyrillic letters.
    size : float
        Size of the main text in points; other sizes follow from it.
    ink, muted, grid, context, accent : str
        Colours of text, of secondary text, of grid lines, of curves shown for comparison, of reference lines.
    colour_map : str
        Map of a heat-map; cividis grows evenly lighter, so it reads in grey and by colour-blind people.
    """

    colours: tuple[str, ...] = OKABE_ITO
    line_styles: tuple[Any, ...] = LINE_STYLES
    markers: tuple[str, ...] = MARKERS
    font: str = "DejaVu Sans"
    size: float = 8.0
    ink: str = "#1a1a1a"
    muted: str = "#5c5c5c"
    grid: str = "#e3e3e3"
    context: str = "#c9c9c9"
    accent: str = "#D55E00"
    colour_map: str = "cividis"

    def __post_init__(self) -> None:
        if not (self.colours and self.line_styles and self.markers):
            raise OptionError("Theme: colours, line_styles and markers need at least one entry each.")
        if self.size <= 0:
            raise OptionError("Theme: size must be a positive number of points.")

    @property
    def small(self) -> float:
        """Size of tick labels, tables and notes, in points."""
        return 0.88 * self.size

    @property
    def large(self) -> float:
        """Size of a title, in points."""
        return 1.25 * self.size

    def colour(self, place: int) -> str:
        """Return the colour of the group at ``place``."""
        return self.colours[place % len(self.colours)]

    def text_colour(self, place: int) -> str:
        """Return the colour of the group's name: its own, darkened until it reads on white."""
        return readable(self.colour(place))

    def line_style(self, place: int) -> Any:
        """Return the line style of the group at ``place``."""
        return self.line_styles[place % len(self.line_styles)]

    def marker(self, place: int) -> str:
        """Return the marker of the group at ``place``."""
        return self.markers[place % len(self.markers)]

    def marker_size(self, place: int) -> float:
        """Return the size of that marker in points."""
        return _MARKER_SIZES.get(self.marker(place), 4.3)

    def settings(self) -> dict[str, Any]:
        """Return the matplotlib settings of the theme."""
        return {
            "font.family": [self.font],
            "font.size": self.size,
            "text.color": self.ink,
            "text.usetex": False,
            # A label from a registry may hold dollar signs, which are not mathematics.
            "text.parse_math": False,
            "axes.edgecolor": self.muted,
            "axes.labelcolor": self.ink,
            "axes.labelsize": self.size,
            "axes.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.unicode_minus": True,
            "xtick.color": self.muted,
            "ytick.color": self.muted,
            "xtick.labelcolor": self.ink,
            "ytick.labelcolor": self.ink,
            "xtick.labelsize": self.small,
            "ytick.labelsize": self.small,
            "xtick.major.size": 3.0,
            "ytick.major.size": 3.0,
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "grid.color": self.grid,
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.5,
            "lines.dash_capstyle": "butt",
            "hatch.linewidth": 0.5,
        }


def as_theme(theme: Theme | None) -> Theme:
    """Return the theme, or the default one."""
    if theme is None:
        return Theme()
    if not isinstance(theme, Theme):
        raise OptionError("theme= must be a childsurv.plot.Theme.")
    return theme


@contextlib.contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Draw with matplotlib's defaults and the theme; the user's own settings come back afterwards."""
    defaults: Any = {
        name: value for name, value in mpl.rcParamsDefault.items() if name.split(".")[0] in _DRAWING_SETTINGS
    }
    with mpl.rc_context():
        with warnings.catch_warnings():
            # Matplotlib keeps settings it has deprecated in its defaults, and warns when one is set.
            warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
            mpl.rcParams.update(defaults)
        settings: Any = theme.settings()
        mpl.rcParams.update(settings)
        yield


def width_in_inches(width: float | str) -> float:
    """Return a width in inches from a name of `WIDTHS` or a number."""
    if isinstance(width, str):
        if width in WIDTHS:
            return WIDTHS[width]
        raise OptionError(
            f"width={width!r} is not a choice; use one of {', '.join(map(repr, WIDTHS))}, or inches."
        )
    if not 2.0 <= width <= 40.0:
        raise OptionError("width= must be between 2 and 40 inches.")
    return float(width)


def luminance(colour: Any) -> float:
    """Return the relative luminance of a colour, 0 for black and 1 for white, as WCAG 2 defines it."""
    from matplotlib.colors import to_rgb

    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable(colour: Any) -> str:
    """Return the colour, darkened until its contrast with white is 4.5 to 1, the limit of WCAG 2 for text."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    scale = 1.0
    while 1.05 / (luminance((scale * red, scale * green, scale * blue)) + 0.05) < 4.5:
        scale -= 0.02
    return to_hex((scale * red, scale * green, scale * blue))
