from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import childsurv as cs
from childsurv import errors
from childsurv.errors import (
    ChildsurvError,
    ChildsurvWarning,
    ColumnError,
    MissingExtraError,
    OptionError,
    asked,
    asking,
    import_extra,
    renamed,
    require_choice,
    require_columns,
    require_level,
    rows_phrase,
    rows_where,
)
from strategies import exactly


def test_every_error_is_a_childsurv_error() -> None:
    named = [
        value for name, value in vars(errors).items() if name.endswith("Error") and isinstance(value, type)
    ]
    assert len(named) >= 8
    assert all(issubclass(error, ChildsurvError) for error in named)
    # Those who catch ValueError or ImportError, as with other libraries, catch ours too.
    assert issubclass(ColumnError, ValueError)
    assert issubclass(MissingExtraError, ImportError)


@pytest.mark.parametrize(
    ("rows", "phrase"),
    [
        ([4], "1 row (row 4)"),
        ([2, 5, 9], "3 rows (rows 2, 5, 9)"),
        (range(1, 2001), "2,000 rows (rows 1, 2, 3, 4, 5, 6, 7, 8 and 1,992 more)"),
    ],
)
def test_rows_are_named_and_counted(rows: list[int], phrase: str) -> None:
    assert rows_phrase(list(rows)) == phrase


def test_rows_where_counts_from_one() -> None:
    assert rows_where(np.array([True, False, True])) == "2 rows (rows 1, 3)"


def test_missing_columns_come_with_hints_and_what_is_there() -> None:
    with (
        pytest.raises(
            ColumnError,
            match=r"^Work: no column 'diagnosis_dat', 'nothing'\. Did you mean 'diagnosis_date' for 'diagnosis_dat'\? "
            r"The data have the columns: time, diagnosis_date\.$",
        ),
        asking("Work"),
    ):
        require_columns(["time", "diagnosis_date"], ["time", "diagnosis_dat", "nothing"])
    with (
        pytest.raises(ColumnError, match=r"no column 'time'\. The data have the columns: none"),
        asking("Work"),
    ):
        require_columns([], ["time"])
    with pytest.raises(ColumnError, match="and 60 more"), asking("Work"):
        require_columns([f"c{n}" for n in range(100)], ["zzz"])


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ColumnError, match="more than one column is called 'time'"), asking("Work"):
        require_columns(["time", "event", "time"], ["time", "event"])
    with asking("Work"):
        require_columns(["time", "event", "other", "other"], ["time", "event"])


def test_numbers_are_not_the_text_of_numbers() -> None:
    with pytest.raises(ColumnError, match="no column '1'"), asking("Work"):
        require_columns([1, "event"], ["1"])


def test_choices_are_listed() -> None:
    assert require_choice("log", ("log", "plain"), argument="ci") == "log"
    for value in ("lgo", None, 3, ["log"]):
        with pytest.raises(OptionError, match=r"ci=.* is not a choice; use one of 'log', 'plain'\."):
            require_choice(value, ("log", "plain"), argument="ci")


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan"), "0.95"])
def test_levels_lie_between_nought_and_one(level: float) -> None:
    with pytest.raises(OptionError, match=r"write 0\.95 for 95 %"):
        require_level(level)


def test_absent_extras_say_what_to_install() -> None:
    with pytest.raises(
        MissingExtraError,
        match=r"Drawing needs the library 'no_such_library'\. Install it with: pip install 'childsurv\[report\]'",
    ):
        import_extra("no_such_library.part", extra="report", purpose="Drawing")
    assert import_extra("json", extra="report", purpose="Drawing").dumps(1) == "1"


def test_messages_name_the_innermost_function_that_was_asked() -> None:
    @asking("inner")
    def inner() -> str:
        return asked()

    assert asked() == "childsurv"
    with asking("outer"):
        assert (asked(), inner(), asked()) == ("outer", "inner", "outer")
        with asking("again"), pytest.raises(KeyError):
            raise KeyError
        assert asked() == "outer"
    assert asked() == "childsurv"


def test_threads_have_names_of_their_own() -> None:
    with asking("here"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(asked).result() == "childsurv"
        assert asked() == "here"


def test_a_warning_points_at_the_line_outside_the_package() -> None:
    cohort = cs.demo.cohort(patients=200, seed=1)
    weighted = cs.kaplan_meier(cohort.data.assign(w=0.5), time="time", event="event", weights="w")
    with pytest.warns(ChildsurvWarning) as caught:
        weighted.rmst(years=1)
    assert caught[0].filename == __file__


@asking("paint")
@renamed(color="colour", shade="options.shade")
def paint(
    wall: str, colour: str = "white", *, options: Mapping[str, object] | None = None
) -> tuple[object, ...]:
    """Paint a wall."""
    return wall, colour, options, asked()


def test_new_names_are_taken_in_silence() -> None:
    assert paint("north") == ("north", "white", None, "paint")
    assert paint("north", "red", options={"shade": 1}) == ("north", "red", {"shade": 1}, "paint")
    assert paint("north", colour="red") == ("north", "red", None, "paint")


@pytest.mark.parametrize(
    ("given", "meant", "shown"),
    [
        ({"color": "red"}, ("red", None), "`color=` is now called `colour=`"),
        ({"color": None}, (None, None), "`color=` is now called `colour=`"),
        ({"shade": 3}, ("white", {"shade": 3}), "`shade=` is now called `options={'shade': ...}`"),
        ({"shade": None}, ("white", None), "`shade=` is now called `options={'shade': ...}`"),
        (
            {"shade": 3, "options": {"coats": 2}},
            ("white", {"coats": 2, "shade": 3}),
            "`shade=` is now called `options={'shade': ...}`",
        ),
    ],
)
def test_old_names_warn_once_at_the_line_of_the_user(
    given: dict[str, object], meant: tuple[object, ...], shown: str
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert paint("north", **given) == ("north", *meant, "paint")  # type: ignore[arg-type]
    assert [(one.category, str(one.message), one.filename) for one in caught] == [
        (DeprecationWarning, f"paint: {shown}; the old name goes at 1.0.", __file__)
    ]


def test_two_old_names_warn_each() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert paint("north", color="red", shade=1) == ("north", "red", {"shade": 1}, "paint")  # type: ignore[call-arg]
    assert [str(one.message).split()[1] for one in caught] == ["`color=`", "`shade=`"]


@pytest.mark.parametrize(
    ("by_place", "by_name", "message"),
    [
        (
            (),
            {"color": "red", "colour": "red"},
            "paint: `color=` is the old name of `colour=`; give one of the two.",
        ),
        (("red",), {"color": "red"}, "paint: `color=` is the old name of `colour=`; give one of the two."),
        (
            (),
            {"shade": 1, "options": {"shade": 1}},
            "paint: `shade=` is the old name of `options={'shade': ...}`; give one of the two.",
        ),
    ],
)
def test_old_and_new_name_together_are_refused(
    by_place: tuple[str, ...], by_name: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=exactly(message)):
        paint("north", *by_place, **by_name)  # type: ignore[arg-type]


def test_a_name_that_never_was_is_an_error_of_python() -> None:
    with pytest.raises(TypeError, match=r"^paint\(\) got an unexpected keyword argument 'tint'$"):
        paint("north", tint=1)  # type: ignore[call-arg]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning):
            paint("north", color="red")  # type: ignore[call-arg]
    assert asked() == "childsurv"


def test_signatures_and_documentation_show_new_names_only() -> None:
    assert list(inspect.signature(paint).parameters) == ["wall", "colour", "options"]
    assert (paint.__name__, paint.__doc__) == ("paint", "Paint a wall.")
