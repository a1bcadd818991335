"""Colours read in grey and on white, and settings come back."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import pytest

from childsurv.errors import OptionError
from childsurv.plot.style import LINE_STYLES, OKABE_ITO, Theme, drawing, luminance, readable, width_in_inches


def test_forty_two_groups_differ_in_colour_or_line_style() -> None:
    theme = Theme()
    looks = {(theme.colour(place), str(theme.line_style(place))) for place in range(42)}
    assert len(looks) == 42


def test_thirteen_groups_differ_without_colour() -> None:
    theme = Theme()
    assert len({(str(theme.line_style(place)), theme.marker(place)) for place in range(13)}) == 13
    assert len({str(style) for style in LINE_STYLES}) == 6


@pytest.mark.parametrize("colour", OKABE_ITO)
def test_names_in_the_colour_of_their_group_read_on_white(colour: str) -> None:
    assert 1.05 / (luminance(readable(colour)) + 0.05) >= 4.5


def test_luminance_at_its_ends() -> None:
    assert luminance("black") == 0
    assert luminance("white") == pytest.approx(1)


def test_the_colour_map_grows_evenly_lighter() -> None:
    colours = mpl.colormaps[Theme().colour_map]
    shades = [luminance(colours(share / 100)) for share in range(101)]
    assert all(later > earlier for earlier, later in itertools.pairwise(shades))


def test_settings_of_the_user_do_not_reach_a_picture_and_come_back() -> None:
    before = dict(mpl.rcParams)
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30, "text.usetex": False}):
        with drawing(Theme()):
            assert mpl.rcParams["axes.facecolor"] == "white"
            assert mpl.rcParams["font.size"] == Theme().size
        assert mpl.rcParams["axes.facecolor"] == "black"
        assert mpl.rcParams["font.size"] == 30
    assert dict(mpl.rcParams) == before


def test_settings_come_back_after_an_error() -> None:
    before = dict(mpl.rcParams)
    with pytest.raises(RuntimeError, match="stop"), drawing(Theme()):
        raise RuntimeError("stop")
    assert dict(mpl.rcParams) == before


def test_widths() -> None:
    assert width_in_inches("page") == 6.9
    assert width_in_inches(5) == 5.0
    inches = r"^width= must be between 2 and 40 inches\.$"
    names = r"^width='a5' is not a choice; use one of 'column', 'page', 'landscape', or inches\.$"
    for wrong, message in (("a5", names), (1.0, inches), (99.0, inches)):
        with pytest.raises(OptionError, match=message):
            width_in_inches(wrong)
    with pytest.raises(
        OptionError, match=r"^Theme: colours, line_styles and markers need at least one entry each\.$"
    ):
        Theme(colours=())
