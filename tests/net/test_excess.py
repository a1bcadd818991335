"""Numbers left at risk and excess mortality rates: by hand and by their laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from childsurv.curves.curves import Curves
from childsurv.errors import OptionError
from childsurv.lifetable.expected import expected_at_risk
from childsurv.lifetable.table import LifeTable
from childsurv.net.excess import KERNELS, ExcessMortality, excess_mortality
from strategies import exactly, pairs_of_groups

# A few rounding errors.
EXACT: dict[str, float] = {"rel": 1e-12, "abs": 1e-13}
COLUMNS: dict[str, Any] = {
    "time": "time",
    "event": "event",
    "age_days": "age_days",
    "diagnosis_date": "diagnosis_date",
}
LATE: dict[str, Any] = {**COLUMNS, "entry": "entry"}
AGES, YEARS = range(5), range(2000, 2012)

quiet = pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")


def hazard_of(sex: str, age: int, year: int) -> float:
    """Hazards per day that differ in every cell, up to 0.001: far beyond a child's, so that nothing hides."""
    return 0.0001 * (1 + (age * 7 + year * 3 + (sex == "male") * 5) % 11)


def life_table(hazard: Any = hazard_of) -> LifeTable:
    rows = [
        (sex, age, year, hazard(sex, age, year))
        for sex in ("male", "female")
        for age in AGES
        for year in YEARS
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


def constant(male: float, female: float | None = None) -> LifeTable:
    return life_table(lambda sex, age, year: male if sex == "male" else (male if female is None else female))


TABLE, NOUGHT = life_table(), constant(0.0)


def children(times: list[int], events: list[int], sexes: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": times,
            "event": events,
            "sex": sexes or ["male"] * len(times),
            "age_days": 500,
            "diagnosis_date": pd.Timestamp("2001-06-15"),
        }
    )


class TestExpectedAtRisk:
    def test_constant_hazard(self) -> None:
        h = 0.0004
        data = children([1, 1, 1], [0, 0, 0], ["male", "male", "female"])
        left = expected_at_risk(
            data, constant(h, 2 * h), by="sex", years=[0, 2], horizon_years=3,
            age_days="age_days", diagnosis_date="diagnosis_date",
        )  # fmt: skip
        female, male = 2 * h * 365.25, h * 365.25
        assert left["expected_at_risk"].tolist() == pytest.approx(
            [1, math.exp(-2 * female), 2, 2 * math.exp(-2 * male)], **EXACT
        )
        life = [(1 - math.exp(-3 * rate)) / rate for rate in (female, female, male, male)]
        assert left["expected_life_years"].tolist() == pytest.approx(life, **EXACT)

    def test_nobody_dies_where_hazards_are_zero(self) -> None:
        left = expected_at_risk(
            children([1, 1], [0, 0]), NOUGHT, years=2, horizon_years=3,
            age_days="age_days", diagnosis_date="diagnosis_date",
        )  # fmt: skip
        assert left["expected_at_risk"].tolist() == [2.0]
        assert left["expected_life_years"].tolist() == pytest.approx([3.0], **EXACT)

    def test_errors(self) -> None:
        options = {"age_days": "age_days", "diagnosis_date": "diagnosis_date"}
        data = children([1], [0])
        with pytest.raises(
            OptionError,
            match=exactly("expected_at_risk: years= takes one or more finite numbers of 0 or more."),
        ):
            expected_at_risk(data, NOUGHT, years=[-1], **options)
        with pytest.raises(
            OptionError,
            match=exactly(
                "expected_at_risk: horizon_years= takes one or more finite numbers greater than 0."
            ),
        ):
            expected_at_risk(data, NOUGHT, years=1, horizon_years=0, **options)


class TestExcessMortality:
    @pytest.mark.filterwarnings("ignore:excess_mortality. there are no events")
    @pytest.mark.parametrize("kernel", list(KERNELS))
    def test_constant_excess_is_met_everywhere(self, kernel: str) -> None:
        """Nobody dies and the population loses h a day: the excess is -h from the first day to the last."""
        h = 0.002
        rates = excess_mortality(
            children([600, 700], [0, 0]), constant(h), bandwidth_days=120, kernel=kernel,
            times=[0, 0.5, 60, 300, 645.3, 700, 701], **COLUMNS,
        ).table  # fmt: skip
        assert rates["estimate"].tolist()[:-1] == pytest.approx([-h * 365.25] * 6, rel=1e-11)
        assert np.isnan(rates["estimate"].iloc[-1])

    def test_one_death(self) -> None:
        data = children([50, 400, 400, 400], [1, 0, 0, 0])
        rates = excess_mortality(data, NOUGHT, bandwidth_days=100, times=[0, 100, 200], **COLUMNS).table

        def moment(power: int, low: float, high: float) -> float:
            low, high = (
                0.75 * (x ** (power + 1) / (power + 1) - x ** (power + 3) / (power + 3)) for x in (low, high)
            )
            return high - low

        middle = moment(0, 0.50, 0.51) / 4 * 365.25
        # At 0 only days after it lie inside: moments 1/2, -3/16, 1/10, and the day of the death at -0.50 to -0.49.
        mass, first = moment(0, 0.49, 0.50), moment(1, 0.49, 0.50)
        boundary = (1 / 10 * mass - 3 / 16 * first) / (1 / 20 - 9 / 256) / 4 * 365.25
        assert rates["estimate"].tolist() == pytest.approx([boundary, middle, 0.0], rel=1e-9, abs=1e-12)
        assert rates["std_error"].tolist() == pytest.approx([abs(boundary), middle, 0.0], rel=1e-9, abs=1e-12)
        assert rates["at_risk"].tolist() == [4, 3, 3]

    @pytest.mark.parametrize("bandwidth", [30, 45.5])
    def test_area_is_the_cumulative_hazard(self, bandwidth: float) -> None:
        """In the middle a kernel moves hazard about but keeps it: the area under the rate is the sum of increments."""
        data = children([200, 210, 230, 500, 500], [1, 1, 1, 0, 0])
        days = np.arange(0, 500.5, 0.5)
        rates = excess_mortality(data, NOUGHT, bandwidth_days=bandwidth, times=days, **COLUMNS).table
        # A trapezium in half days of a curve with bends.
        assert np.trapezoid(rates["estimate"], days) / 365.25 == pytest.approx(
            1 / 5 + 1 / 4 + 1 / 3, rel=1e-4
        )

    @quiet
    @given(pairs_of_groups())
    def test_groups_are_split_data(self, frame: pd.DataFrame) -> None:
        options: dict[str, Any] = {"bandwidth_days": 7, "times": [0, 3, 10, 20.5, 38], **LATE}
        together = excess_mortality(frame, TABLE, by="group", **options).table
        alone = pd.concat(
            [excess_mortality(part, TABLE, by="group", **options).table for _, part in frame.groupby("group")]
        )
        pd.testing.assert_frame_equal(together, alone.reset_index(drop=True), rtol=1e-9, atol=1e-12)

    def test_no_estimate_beside_days_without_anybody(self) -> None:
        data = children([100, 400, 400], [0, 1, 0]).assign(entry=[0, 200, 200])
        rates = excess_mortality(data, NOUGHT, bandwidth_days=30, times=[50, 90, 150, 240, 380], **LATE).table
        assert rates["estimate"].isna().tolist() == [False, True, True, False, False]

    def test_errors(self) -> None:
        data = children([50, 400], [1, 0])
        with pytest.raises(
            OptionError,
            match=exactly(
                "excess_mortality: give the width of the kernel, as bandwidth_days= or bandwidth_years=."
            ),
        ):
            excess_mortality(data, NOUGHT, **COLUMNS)
        with pytest.raises(
            OptionError,
            match=exactly(
                "kernel='gauss' is not a choice; use one of 'epanechnikov', 'biweight', 'uniform'."
            ),
        ):
            excess_mortality(data, NOUGHT, bandwidth_days=10, kernel="gauss", **COLUMNS)
        with pytest.raises(
            OptionError, match=r"^excess_mortality: give times= \(in days\) or years=, one of the two\.$"
        ):
            excess_mortality(data, NOUGHT, bandwidth_days=10, times=1, years=1, **COLUMNS)


def test_deaths_at_time_0_of_a_table_count_in_the_first_day():
    times = [0] * 5 + [40] * 40
    frame = children(times, [1] * 5 + [0, 1] * 20)
    first_day = frame.assign(time=frame["time"].clip(lower=1))
    options = {"bandwidth_days": 10, "times": [0, 2, 5], **COLUMNS}
    rates = excess_mortality(frame, NOUGHT, **options).table["estimate"]
    np.testing.assert_allclose(
        rates, excess_mortality(first_day, NOUGHT, **options).table["estimate"], rtol=1e-12
    )
    assert (rates > 1).all()


class TestRatesAreCurves:
    @staticmethod
    def rates(**options: Any) -> ExcessMortality:
        data = children([50, 300, 400, 400], [1, 1, 0, 0])
        return excess_mortality(data, TABLE, bandwidth_days=100, times=[0, 100, 200], **options, **COLUMNS)

    def test_on_the_scale_of_rates(self) -> None:
        rates = self.rates()
        assert isinstance(rates, Curves)
        assert (rates.quantity, rates.kernel, rates.bandwidth_days) == (
            "excess mortality rate",
            "epanechnikov",
            100.0,
        )
        assert list(rates.table.columns) == ["time", "at_risk", "estimate", "std_error", "lower", "upper"]
        lower, upper = rates.limits
        np.testing.assert_allclose((lower + upper) / 2, rates.estimate, rtol=1e-12)
        np.testing.assert_array_equal(rates.table["std_error"], np.sqrt(rates.variance))

    def test_per_so_many_person_years_for_pictures(self) -> None:
        rates = self.rates()
        thousand = rates.as_curves(per=1000)
        assert type(thousand) is Curves
        np.testing.assert_array_equal(thousand.estimate, 1000 * rates.estimate)
        for ours, theirs in zip(rates.limits, thousand.limits, strict=True):
            np.testing.assert_allclose(1000 * ours, theirs, rtol=1e-9)

    def test_what_is_read_off_step_functions_is_refused(self) -> None:
        rates = self.rates(minimum=2)
        assert rates.with_minimum(2) is rates
        with pytest.raises(
            OptionError,
            match=r"^ExcessMortality\.with_minimum: rates end by days; give minimum= to excess_mortality\(\)\.$",
        ):
            rates.with_minimum(3)
        with pytest.raises(
            OptionError,
            match=r"^ExcessMortality\.at: rates are no step functions; give times= or years= to "
            r"excess_mortality\(\)\.$",
        ):
            rates.at(years=1)
        with pytest.raises(OptionError, match=r"^Curves\.quantile is for curves of survival"):
            rates.quantile()
