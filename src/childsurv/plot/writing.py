"""Figures that show themselves in a notebook, and writing them to files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from childsurv.errors import OptionError, require_choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "png", "pdf")


class Picture(Figure):
    """A Figure that pyplot does not know of: it shows once as a cell's result, and is freed like any object.

    A bare ``matplotlib.figure.Figure`` shows in Jupyter only after pyplot has been imported; one made by
    pyplot shows twice and stays in memory until closed. This one brings its own PNG representation.

    Attributes
    ----------
    alt_text : str
        What the picture shows, in words, for readers who cannot see it; `save` writes it into SVG and PDF
        files.
    """

    alt_text: str = ""

    def _repr_png_(self) -> bytes:
        return rendered(self, "png", dpi=120)


def new_picture(width: float, height: float) -> Picture:
    """Return an empty picture of a size in inches."""
    picture = Picture(figsize=(width, height), dpi=100, facecolor="white")
    FigureCanvasAgg(picture)
    return picture


def rendered(
    figure: Figure | Axes, format: str = "svg", *, dpi: float = 200, selectable_text: bool = False
) -> bytes:
    """Return a picture as the bytes of an SVG, PNG or PDF file, the same bytes each time.

    Parameters
    ----------
    figure
        A Figure, or Axes, whose figure is taken.
    format
        "svg", "png" or "pdf".
    dpi
        Dots per inch of a PNG.
    selectable_text
        Write the text of an SVG as text instead of outlines.

    Returns
    -------
    bytes

    Raises
    ------
    OptionError
        If the format is not one of the three.

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> cs.plot.rendered(cs.plot.curves(curves), "png")[1:4]
    b'PNG'
    """
    require_choice(format, FORMATS, argument="format")
    if not 30 <= dpi <= 2400:
        raise OptionError("dpi= must be between 30 and 2400 dots per inch.")
    whole = _figure_of(figure)
    title = getattr(whole, "alt_text", "") or None
    named = {} if title is None else {"Title": title}
    metadata: Any = {
        # No dates: the same numbers must give the same file, so that a change in a report is a change in the
        # data.
        "svg": {"Date": None, **named},
        "pdf": {"CreationDate": None, "ModDate": None, **named},
        "png": {"Software": None},
    }[format]
    settings: Any = {
        "savefig.bbox": None,
        "savefig.transparent": False,
        "savefig.facecolor": "auto",
        "svg.hashsalt": "childsurv",
        # Outlines by default: an SVG with text shows whatever font the reader's machine has, where Cyrillic
        # may be wider or missing and labels that were placed by measure would collide.
        "svg.fonttype": "none" if selectable_text else "path",
        # TrueType in PDF keeps text selectable and Cyrillic whole, and carries the font along.
        "pdf.fonttype": 42,
    }
    buffer = io.BytesIO()
    with mpl.rc_context(settings):
        whole.savefig(buffer, format=format, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def save(
    figure: Figure | Axes,
    path: str | Path,
    *,
    formats: Sequence[str] | None = None,
    dpi: float = 200,
    selectable_text: bool = False,
) -> list[Path]:
    """Write a picture as an SVG and a PNG file beside each other, and return their paths.

    Parameters
    ----------
    figure
        A Figure, or Axes, whose figure is taken.
    path
        Path without suffix. A path that ends in ``.svg``, ``.png`` or ``.pdf`` writes that one file.
    formats
        Some of "svg", "png", "pdf"; svg and png unless given.
    dpi
        Dots per inch of a PNG; 200 is enough for A4 print.
    selectable_text
        Write the text of an SVG as text instead of outlines. Text can be searched and edited, but shows in
        whatever font the reader's machine has; outlines look the same everywhere.

    Returns
    -------
    list of Path
        One path a format, in the order of ``formats``. Missing folders are made.

    Raises
    ------
    OptionError
        If a format is not known, or the suffix of ``path`` contradicts ``formats``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in cs.plot.save(cs.plot.curves(curves), Path(folder) / "sex")]
    ['sex.svg', 'sex.png']
    """
    target = Path(path)
    suffix = target.suffix.lower().removeprefix(".")
    if suffix in FORMATS:
        if formats is not None and list(formats) != [suffix]:
            raise OptionError(
                f"save(): the path ends in .{suffix} but formats= asks for others; "
                "give the path without a suffix."
            )
        formats = [suffix]
        target = target.with_suffix("")
    chosen = ["svg", "png"] if formats is None else [formats] if isinstance(formats, str) else list(formats)
    if not chosen:
        raise OptionError("save(): formats= is empty; name at least one of 'svg', 'png', 'pdf'.")
    for one in chosen:
        require_choice(one, FORMATS, argument="formats")
    target.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for one in chosen:
        # Not with_suffix: a name such as "survival_1.5_years" has no suffix to replace.
        file = target.with_name(f"{target.name}.{one}")
        file.write_bytes(rendered(figure, one, dpi=dpi, selectable_text=selectable_text))
        written.append(file)
    return written


def _figure_of(figure: Any) -> Figure:
    whole = figure if isinstance(figure, Figure | SubFigure) else getattr(figure, "figure", None)
    while isinstance(whole, SubFigure):
        whole = whole.figure
    if not isinstance(whole, Figure):
        raise OptionError("Expected a matplotlib Figure or Axes, as the functions of childsurv.plot return.")
    return whole
