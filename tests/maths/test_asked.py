"""The one reading of the times that a user asks for."""

from __future__ import annotations

import numpy as np
import pytest

from childsurv.errors import OptionError, asking
from childsurv.maths.asked import asked_number, asked_numbers, asked_times, keyword_only_times


def test_times_keep_their_order_and_years_become_days() -> None:
    assert asked_times([3, 1], None).tolist() == [3.0, 1.0]
    assert asked_times(None, 2).tolist() == [730.5]
    assert asked_times(np.array([0.5]), None, in_days=False, unit="months").tolist() == [0.5]
    assert asked_number(4, argument="bandwidth") == 4.0


@pytest.mark.parametrize(
    "values", ["five", b"5", None, [], [[1.0]], [1, np.nan], np.inf, -1, ["x"], object()]
)
def test_what_is_no_number_is_refused_and_not_shown(values: object) -> None:
    with (
        asking("work"),
        pytest.raises(OptionError, match=r"^work: at= takes one or more finite numbers of 0 or more\.$"),
    ):
        asked_numbers(values, argument="at")


def test_nought_is_refused_where_it_means_nothing() -> None:
    assert asked_numbers(0, argument="at").tolist() == [0.0]
    with pytest.raises(
        OptionError, match=r"^childsurv: at= takes one or more finite numbers greater than 0\.$"
    ):
        asked_numbers([1, 0], argument="at", positive=True)


def test_one_of_the_two_is_given() -> None:
    for given in ((None, None), (1, 1)):
        with pytest.raises(
            OptionError, match=r"^childsurv: give times= \(in weeks\) or years=, one of the two\.$"
        ):
            asked_times(*given, in_days=False, unit="weeks")


def test_years_need_days() -> None:
    with pytest.raises(
        OptionError,
        match=r"^childsurv: years= needs follow-up in days; this follow-up counts weeks\. Give times= in that unit\.$",
    ):
        asked_times(None, 1, in_days=False, unit="weeks")


def test_one_number_is_one() -> None:
    with pytest.raises(OptionError, match=r"^childsurv: bandwidth= takes one number; 2 were given\.$"):
        asked_number([1, 2], argument="bandwidth")


def test_times_by_position_are_refused_with_both_ways_to_name_them() -> None:
    keyword_only_times((), meant="days")
    because = "give times by name, because a number alone does not say its unit"
    for given, options, end in (
        ((5,), {"meant": "days"}, "meant days; write years=5 for years or times=5 for days"),
        (([1, 5], None), {"meant": "years"}, "meant years; write years=... for years or times=... for days"),
        (
            (0.5,),
            {"meant": "days", "times": "given", "years": "given_years"},
            "meant days; write given_years=0.5 for years or given=0.5 for days",
        ),
        ((2,), {"meant": "weeks", "in_days": False, "unit": "weeks"}, "meant weeks; write times=2 for weeks"),
    ):
        with asking("Curves.at"), pytest.raises(OptionError) as caught:
            keyword_only_times(given, **options)
        assert str(caught.value) == f"Curves.at: {because}. By position it {end}."
