"""The page of a picture: a user's own axes or a new figure, the title above, the notes below, places in inches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox, ScaledTranslation, Transform

from childsurv.errors import OptionError, require_choice
from childsurv.plot.spacing import LINE_HEIGHT, text_height, text_width, wrapped
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.plot.writing import Picture, new_picture
from childsurv.words.catalogue import count_text, languages, percent_text
from childsurv.words.catalogue import picture_text as text

EDGE = 0.1
"""Inches between the edge of a picture and what it holds."""

SAME_SIZE = 0.05
"""Inches by which the size of a user's axes may change before their texts are placed again: no reader sees less."""

Place = tuple[float, float, float, float]
"""Left, bottom, width and height in inches."""


class Size(NamedTuple):
    """Size of axes in inches."""

    width: float
    height: float


class Margins(NamedTuple):
    """Inches that a picture takes above and below a user's axes, before the title and the notes."""

    above: float
    below: float


class Drawing(Protocol):
    """A picture with all its options decided, ready to be drawn on a page."""

    by_height: ClassVar[bool]
    """Whether `fit` depends on the height of the axes as well as on their width."""

    @property
    def notes(self) -> Sequence[str]:
        """Automatic notes, empty ones included."""

    def paint(self, ax: Axes) -> None:
        """Draw into a user's axes what does not depend on their size."""

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Draw into a user's axes what depends on their size; the artists are removed when the size changes."""

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture."""

    def description(self) -> str:
        """Return what the picture shows, in words, without its title."""


class Page:
    """What all pictures share: where to draw, title, subtitle, note, width, language and theme."""

    def __init__(
        self,
        *,
        ax: Axes | None,
        title: str | None,
        subtitle: str | None,
        note: str | None,
        width: float | str,
        language: str,
        theme: Theme | None,
    ) -> None:
        self.theme = as_theme(theme)
        self.language = require_choice(language, languages(), argument="language")
        self.ax = ax
        self.title, self.subtitle, self.note = title or "", subtitle or "", note or ""
        self.width = width

    def text(self, key: str, /, **values: Any) -> str:
        """Return the words for a key in the language of the picture."""
        return text(key, self.language, **values)

    def count(self, number: float) -> str:
        """Return a whole number as the language writes it."""
        return count_text(number, self.language)

    def percent(self, share: float) -> str:
        """Return a share in per cent as the language writes it."""
        return percent_text(share, self.language)

    def line(self, *, small: bool = False) -> float:
        """Return the height in inches of a line of text."""
        return text_height("0", size=self.theme.small if small else self.theme.size)

    def label_height(self, label: str) -> float:
        """Return the inches that tick labels and the name of a horizontal axis take."""
        return 0.16 + self.line(small=True) + text_height(label, size=self.theme.size)

    def draw(self, picture: Drawing) -> Figure | Axes:
        """Return the user's axes with the picture drawn into them, or a new figure."""
        with drawing(self.theme):
            if self.ax is not None:
                picture.paint(self.ax)
                fitted = _Fitted(self, picture, self.ax)
                self.ax.set_axes_locator(fitted)  # type: ignore[arg-type]
                return self.ax
            made = picture.compose(self._frame(picture.notes))
            made.alt_text = (f"{self.title}. " if self.title else "") + picture.description()
            return made

    def _frame(self, notes: Sequence[str]) -> Frame:
        width, theme = width_in_inches(self.width), self.theme
        room = width - 2 * EDGE
        return Frame(
            width=width,
            title=self.title
            and wrapped(self.title, room, family=theme.font, size=theme.large, weight="bold"),
            subtitle=self.subtitle and wrapped(self.subtitle, room, family=theme.font, size=theme.size),
            note=self.joined_notes(notes, room),
            theme=theme,
        )

    def joined_notes(self, notes: Sequence[str], width: float) -> str:
        """Return the user's note and the automatic ones, one after another, in lines of a width in inches."""
        whole = " ".join(note.strip() for note in (self.note, *notes) if note and note.strip())
        return wrapped(whole, width, family=self.theme.font, size=self.theme.small)


@dataclass(frozen=True)
class Frame:
    """Title, subtitle and notes of a new picture, broken into lines that fit its width."""

    width: float
    """Width of the picture in inches."""

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

    def picture(self, height: float) -> Picture:
        """Return a picture whose middle part is ``height`` inches high, with title and notes drawn."""
        total = self.above + height + self.below
        picture = new_picture(self.width, total)
        theme = self.theme
        common: dict[str, Any] = {"va": "top", "linespacing": LINE_HEIGHT - 0.1}
        left, top = EDGE / self.width, total - EDGE
        if self.title:
            picture.text(left, top / total, self.title, size=theme.large, weight="bold", **common)
            top -= text_height(self.title, size=theme.large)
        if self.subtitle:
            picture.text(left, top / total, self.subtitle, color=theme.muted, **common)
        if self.note:
            top = EDGE + text_height(self.note, size=theme.small)
            picture.text(left, top / total, self.note, size=theme.small, color=theme.muted, **common)
        return picture

    def axes(self, picture: Picture, place: Place) -> Axes:
        """Add axes at a place counted from the lower left corner of the picture."""
        if place[2] < 0.5:
            raise OptionError(
                "The picture is too narrow for its labels and columns of text; "
                "give a larger width=, shorter names=, or fewer columns."
            )
        return self.bar_axes(picture, place)

    def bar_axes(self, picture: Picture, place: Place) -> Axes:
        """Add the axes of a colour bar, which may be as narrow as it likes."""
        left, bottom, width, height = place
        whole_width, whole_height = picture.get_size_inches()
        return picture.add_axes(
            (
                left / whole_width,
                bottom / whole_height,
                width / whole_width,
                height / whole_height,
            )
        )


@dataclass(frozen=True)
class Grid:
    """Equal panels in rows and columns, counted from the upper left, in inches."""

    columns: int
    rows: int
    left: float
    """Left edge of the first column of axes."""

    foot: float
    """Lower edge of the last row of axes."""

    width: float
    height: float
    across: float
    """From one column to the next."""

    upwards: float
    """From one row to the next."""

    def place(self, panel: int) -> Place:
        """Return the place of the axes of a panel."""
        row, column = divmod(panel, self.columns)
        bottom = self.foot + (self.rows - 1 - row) * self.upwards
        return self.left + column * self.across, bottom, self.width, self.height


class _Fitted:
    """Places the texts around a user's own axes, and places them again when the axes have changed their size.

    Matplotlib asks the locator of axes for their place before it measures or draws them. A layout thus measures texts
    that fit the size it has given, and a figure that is resized later is right as well.
    """

    def __init__(self, page: Page, picture: Drawing, ax: Axes) -> None:
        self.page, self.ax = page, ax
        self.picture: Drawing | None = picture
        self.before = ax.get_axes_locator()
        self.size = Size(0.0, 0.0)
        self.added: list[Any] = []
        self.titled = False
        self._fit(picture, axes_size(ax))

    def __call__(self, ax: Axes, renderer: Any) -> Bbox:
        place: Bbox = ax.get_position(original=True) if self.before is None else self.before(ax, renderer)
        figure: Any = ax.figure
        whole = figure.bbox.transformed(figure.dpi_scale_trans.inverted())
        size = Size(place.width * whole.width, place.height * whole.height)
        if self.picture is not None and self._has_changed(self.picture, size):
            with drawing(self.page.theme):
                for artist in self.added:
                    if artist.axes is ax:
                        artist.remove()
                self._fit(self.picture, size)
        return place

    def __getstate__(self) -> dict[str, Any]:
        """Leave the picture out: in a copy of a figure, or one read from a file, all stays where it is."""
        return {**self.__dict__, "picture": None}

    def _has_changed(self, picture: Drawing, size: Size) -> bool:
        wider, higher = (abs(one - other) for one, other in zip(size, self.size, strict=True))
        changed = wider > SAME_SIZE or (picture.by_height and higher > SAME_SIZE)
        # Axes that the user has cleared stay clear.
        return changed and min(size) > 0 and any(artist.axes is self.ax for artist in self.added)

    def get_subplotspec(self) -> Any:
        """Return the place of the axes in a grid of subplots, which a tight layout looks for here."""
        return self.ax.get_subplotspec()

    def _fit(self, picture: Drawing, size: Size) -> None:
        before = set(map(id, self.ax.get_children()))
        self.size = size
        self._write(picture.fit(self.ax, size), size, picture.notes)
        self.added = [artist for artist in self.ax.get_children() if id(artist) not in before]

    def _write(self, margins: Margins, size: Size, notes: Sequence[str]) -> None:
        """Write title and subtitle above, the notes below the user's axes."""
        page, theme = self.page, self.page.theme
        pad = 4.0 + 72 * margins.above
        if page.subtitle:
            subtitle = wrapped(page.subtitle, size.width, family=theme.font, size=theme.size)
            write(self.ax, subtitle, (0, 1), shift=(0, pad), va="bottom", color=theme.muted)
            pad += 72 * text_height(subtitle, size=theme.size)
        if page.title:
            # A title that the user has changed since stays as it is.
            title = self.ax.get_title(loc="left") if self.titled else page.title
            self.ax.set_title(title, loc="left", size=theme.large, weight="bold", pad=pad)
            self.titled = True
        note = page.joined_notes(notes, size.width)
        if note:
            below = (0, -72 * margins.below)
            common: dict[str, Any] = {"size": theme.small, "linespacing": LINE_HEIGHT - 0.1}
            write(self.ax, note, (0, 0), shift=below, va="top", color=theme.muted, **common)


def write(
    ax: Axes,
    words: str,
    at: tuple[float, float],
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    coordinates: Any = "axes fraction",
    **style: Any,
) -> None:
    """Write beside axes, some points from a place."""
    ax.annotate(
        words,
        at,
        xycoords=coordinates,
        xytext=shift,
        textcoords="offset points",
        annotation_clip=False,
        **style,
    )


def inches_from(ax: Axes, x: float, y: float) -> Transform:
    """Return a transform whose unit is an inch and whose origin is a place in axes fractions."""
    figure: Any = ax.figure
    corner: Any = ax.transAxes
    made: Transform = figure.dpi_scale_trans + ScaledTranslation(x, y, corner)
    return made


def axes_size(ax: Axes) -> Size:
    """Return the size of axes in inches, as it is now."""
    box = ax.get_window_extent()
    dpi: float = ax.figure.get_dpi() if hasattr(ax.figure, "get_dpi") else ax.figure.dpi
    return Size(box.width / dpi, box.height / dpi)


def widest(texts: Sequence[str], theme: Theme, *, size: float, weight: str = "normal") -> float:
    """Return the width in inches of the widest text; 0 where there is none."""
    return max((text_width(one, family=theme.font, size=size, weight=weight) for one in texts), default=0.0)
