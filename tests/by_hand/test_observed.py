"""Six patients worked by hand: two deaths on one day, a death and a censoring on one day, a death, a censoring.

Every expected number below is a fraction found on paper; 1e-12 leaves room for the rounding of a dozen operations.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from childsurv.compare.ranks import logrank_test
from childsurv.survival.observed import kaplan_meier

EXACT = {"rel": 1e-12, "abs": 1e-13}
Z = 1.959963984540054  # the 97.5 % point of the standard normal distribution

SIX = pd.DataFrame(
    {
        "time": [3, 3, 5, 5, 8, 10],
        "event": [1, 1, 1, 0, 1, 0],
        "group": ["x", "x", "z", "z", "z", "x"],
    }
)
# At 3: 2 of 6 die; at 5: 1 of 4, and one is censored; at 8: 1 of 2; at 10 the last one is censored.
SURVIVAL = [2 / 3, 1 / 2, 1 / 4, 1 / 4]
GREENWOOD = [1 / 12, 1 / 6, 2 / 3, 2 / 3]


def six(**options: object) -> object:
    return kaplan_meier(SIX, time="time", event="event", **options)


def test_kaplan_meier_and_greenwood() -> None:
    table = six().table
    assert table["time"].tolist() == [3, 5, 8, 10]
    assert table["at_risk"].tolist() == [6, 4, 2, 1]
    assert table["events"].tolist() == [2, 1, 1, 0]
    assert table["censored"].tolist() == [0, 1, 0, 1]
    assert table["estimate"].tolist() == pytest.approx(SURVIVAL, **EXACT)
    errors = [s * math.sqrt(v) for s, v in zip(SURVIVAL, GREENWOOD, strict=True)]
    assert table["std_error"].tolist() == pytest.approx(errors, **EXACT)


def limits(kind: str, s: float, v: float, z: float) -> tuple[float, float]:
    """Each kind written another way than in the library: as a power, as odds, as an angle."""
    se = math.sqrt(v)
    if kind == "log":
        return s * math.exp(-z * se), min(1.0, s * math.exp(z * se))
    if kind == "plain":
        return max(0.0, s * (1 - z * se)), min(1.0, s * (1 + z * se))
    if kind == "log-log":
        power = math.exp(z * se / abs(math.log(s)))
        return s**power, s ** (1 / power)
    if kind == "logit":
        low, high = (s / (1 - s) * math.exp(sign * z * se / (1 - s)) for sign in (-1, 1))
        return low / (1 + low), high / (1 + high)
    angle, turn = math.asin(math.sqrt(s)), z * se * math.sqrt(s / (1 - s)) / 2
    return math.sin(max(0.0, angle - turn)) ** 2, math.sin(min(math.pi / 2, angle + turn)) ** 2


@pytest.mark.parametrize("kind", ["log", "log-log", "plain", "logit", "arcsin"])
@pytest.mark.parametrize(("level", "z"), [(0.95, Z), (0.8, 1.2815515655446004)])
def test_limits_of_every_kind(kind: str, level: float, z: float) -> None:
    table = six(ci=kind, level=level).table
    expected = [limits(kind, s, v, z) for s, v in zip(SURVIVAL, GREENWOOD, strict=True)]
    assert table["lower"].tolist() == pytest.approx([low for low, _ in expected], **EXACT)
    assert table["upper"].tolist() == pytest.approx([high for _, high in expected], **EXACT)


def test_step_function_between_and_past_the_times() -> None:
    at = six().at(times=[0, 2.9, 3, 4, 5, 7, 9, 10, 10.1])
    assert at["estimate"].tolist() == pytest.approx(
        [1, 1, 2 / 3, 2 / 3, 1 / 2, 1 / 2, 1 / 4, 1 / 4, math.nan], nan_ok=True, **EXACT
    )
    # At risk just before each time; deaths and censorings since the time before.
    assert at["at_risk"].tolist() == [6, 6, 6, 4, 4, 2, 1, 1, 0]
    assert at["events"].tolist() == [0, 0, 2, 0, 1, 0, 1, 0, 0]
    assert at["censored"].tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0]


def test_times_come_back_in_the_order_asked() -> None:
    forwards, backwards = six().at(times=[3, 5, 8]), six().at(times=[8, 5, 3])
    pd.testing.assert_frame_equal(forwards, backwards.iloc[::-1].reset_index(drop=True))


def test_quantiles() -> None:
    quantile = six(ci="plain").quantile([0.3, 0.5, 0.6, 0.75, 0.8])
    # Level at 1/2 from 5 to 8, and at 1/4 from 8 to the end at 10: the middle of the stretch.
    assert quantile["quantile"].tolist() == pytest.approx([3, 6.5, 8, 9, math.nan], nan_ok=True, **EXACT)
    # The curve's lower limit is 2/3 - 0.377 at 3, below 1/2; its upper one is 1/4 + 0.400 at 8, below 0.7 but not 1/2.
    assert quantile["lower"].tolist()[1] == 3
    assert quantile["upper"].tolist()[0] == 8
    assert math.isnan(quantile["upper"].tolist()[1])


def test_restricted_mean() -> None:
    to_ten = six().rmst(times=10)
    # 3 + 2 (2/3) + 3 (1/2) + 2 (1/4); areas to come after 3, 5, 8 are 10/3, 2, 1/2.
    assert to_ten["rmst"][0] == pytest.approx(19 / 3, **EXACT)
    variance = (10 / 3) ** 2 / 12 + 2**2 / 12 + 0.5**2 / 2
    assert to_ten["std_error"][0] == pytest.approx(math.sqrt(variance), **EXACT)
    assert to_ten["lower"][0] == pytest.approx(19 / 3 - Z * math.sqrt(variance), **EXACT)
    to_six = six().rmst(times=6)
    assert to_six["rmst"][0] == pytest.approx(3 + 2 * 2 / 3 + 1 / 2, **EXACT)
    assert to_six["std_error"][0] == pytest.approx(math.sqrt((11 / 6) ** 2 / 12 + (1 / 2) ** 2 / 12), **EXACT)
    assert math.isnan(six().rmst(times=11)["rmst"][0])


def test_conditional_survival() -> None:
    given_five = six().conditional(given=5).table
    assert given_five["time"].tolist() == [8, 10]
    assert given_five["estimate"].tolist() == pytest.approx([1 / 2, 1 / 2], **EXACT)
    assert given_five["std_error"].tolist() == pytest.approx([math.sqrt(1 / 2) / 2] * 2, **EXACT)
    given_four = six().conditional(given=4).table
    assert given_four["estimate"][0] == pytest.approx(3 / 4, **EXACT)
    assert given_four["std_error"][0] == pytest.approx(3 / 4 * math.sqrt(1 / 12), **EXACT)
    # Restricted mean of the conditional curve, from 5 on: 3 of certainty, then 2 halves.
    assert six().conditional(given=5).rmst(times=10)["rmst"][0] == pytest.approx(3 + 2 / 2, **EXACT)


def test_difference_of_two_groups() -> None:
    difference = six(by="group").difference(reference="z", times=5)
    # x: 1/3 with variance 1/9 (2/3); z: 2/3 with variance 4/9 (1/6).
    assert difference["group"].tolist() == ["x"]
    assert difference["difference"][0] == pytest.approx(-1 / 3, **EXACT)
    se = math.sqrt(4 / 27)
    assert difference["std_error"][0] == pytest.approx(se, **EXACT)
    assert difference["upper"][0] == pytest.approx(-1 / 3 + Z * se, **EXACT)
    assert difference["p_value"][0] == pytest.approx(math.erfc(1 / 3 / se / math.sqrt(2)), **EXACT)


# Of group x, expected 1, 1/4, 1/2 at 3, 5, 8 with hypergeometric variances 2/5, 3/16, 1/4 and observed 2, 0, 0.
@pytest.mark.parametrize(
    ("rho", "gamma", "observed", "expected", "statistic"),
    [
        (0, 0, 2, 7 / 4, (1 / 4) ** 2 / (2 / 5 + 3 / 16 + 1 / 4)),
        # Weights S(t-) are 1, 2/3, 1/2.
        (1, 0, 2, 1 + 1 / 6 + 1 / 4, (7 / 12) ** 2 / (2 / 5 + 4 / 9 * 3 / 16 + 1 / 4 * 1 / 4)),
        # Weights 1 - S(t-) are 0, 1/3, 1/2.
        (0, 1, 0, 1 / 12 + 1 / 4, 4 / 3),
    ],
)
def test_logrank_family(rho: float, gamma: float, observed: float, expected: float, statistic: float) -> None:
    result = logrank_test(SIX, time="time", event="event", by="group", rho=rho, gamma=gamma)
    assert result.table["observed"][0] == pytest.approx(observed, **EXACT)
    assert result.table["expected"][0] == pytest.approx(expected, **EXACT)
    assert result.statistic == pytest.approx(statistic, **EXACT)
    assert result.df == 1
    assert result.p_value == pytest.approx(math.erfc(math.sqrt(statistic / 2)), **EXACT)


def test_strata_add_scores_and_variances() -> None:
    twice = pd.concat([SIX.assign(s="a"), SIX.assign(s="b")], ignore_index=True)
    result = logrank_test(twice, time="time", event="event", by="group", strata="s")
    assert result.statistic == pytest.approx((2 / 4) ** 2 / (2 * (2 / 5 + 3 / 16 + 1 / 4)), **EXACT)


def test_delayed_entry() -> None:
    late = pd.DataFrame({"entry": [0, 2, 4], "time": [4, 5, 6], "event": [1, 1, 1]})
    table = kaplan_meier(late, time="time", event="event", entry="entry").table
    # The third enters at 4, after the death at 4.
    assert table["at_risk"].tolist() == [2, 2, 1]
    assert table["estimate"].tolist() == pytest.approx([1 / 2, 1 / 4, 0], **EXACT)


def test_a_death_at_time_nought_is_at_risk_at_nought() -> None:
    table = kaplan_meier(pd.DataFrame({"t": [0, 0, 1, 2], "d": [1, 0, 1, 0]}), time="t", event="d").table
    assert table["at_risk"].tolist() == [4, 2, 1]
    assert table["estimate"].tolist() == pytest.approx([3 / 4, 3 / 8, 3 / 8], **EXACT)


def test_jackknife_variance_of_fractional_weights() -> None:
    two = pd.DataFrame({"t": [1, 2], "d": [1, 1], "w": [0.5, 1.5]})
    table = kaplan_meier(two, time="t", event="d", weights="w").table
    # S(1) = 1.5 / 2; influences w (1(T > 1) - S) / 2 are -0.1875 and 0.1875.
    assert table["estimate"].tolist() == pytest.approx([0.75, 0], **EXACT)
    assert table["std_error"][0] == pytest.approx(0.1875 * math.sqrt(2), **EXACT)
    assert np.isnan(table["std_error"][1])


def test_frequencies_are_repeated_rows() -> None:
    counted = kaplan_meier(SIX.assign(w=[2, 1, 3, 1, 1, 2]), time="time", event="event", weights="w").table
    repeated = SIX.loc[SIX.index.repeat([2, 1, 3, 1, 1, 2])]
    expected = kaplan_meier(repeated, time="time", event="event").table
    for name in ("at_risk", "events", "censored", "estimate", "std_error", "lower", "upper"):
        assert counted[name].tolist() == pytest.approx(expected[name].tolist(), nan_ok=True, **EXACT)
