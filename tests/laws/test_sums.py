"""Laws that hold for any patients: sums add, order does not matter, groups are splits, loops agree with the fold."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.cohort.follow_up import TIE_TOLERANCE, tie_times
from childsurv.compare.ranks import logrank_test
from childsurv.errors import asking
from childsurv.fold import population as population_fold
from childsurv.fold.tally import WEIGHTED_SUMS, Grid, Tally
from childsurv.fold.tallying import tally
from childsurv.lifetable import paths
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival
from childsurv.survival.observed import kaplan_meier
from strategies import AGES, LAST_DAY, NOUGHT, TABLE, hazard_of, patients, random_patients, table_of

OBSERVED: dict[str, Any] = {"time": "time", "event": "event", "entry": "entry"}
EXPECTED: dict[str, Any] = {**OBSERVED, "age_days": "age_days", "diagnosis_date": "diagnosis_date"}
COUNTS = ("entered", "left", "events")


def naive_birthday(birth: dt.date, age: int) -> dt.date:
    try:
        return birth.replace(year=birth.year + age)
    except ValueError:  # 29 February in a common year
        return dt.date(birth.year + age, 3, 1)


def naive_hazards(row: Any, *, hazard: Any = hazard_of) -> list[float]:
    """Look each day of follow-up up by its date: completed years of age and calendar year at its start."""
    diagnosis = row.diagnosis_date.date()
    birth = diagnosis - dt.timedelta(days=int(row.age_days))
    hazards = []
    for day in range(int(row.time)):
        date = diagnosis + dt.timedelta(days=day)
        age = date.year - birth.year - (naive_birthday(birth, date.year - birth.year) > date)
        hazards.append(hazard(row.sex, max(cut for cut in AGES if cut <= age), date.year))
    return hazards


def naive_net(frame: pd.DataFrame, *, hazard: Any = hazard_of) -> dict[str, list[float]]:
    """Estimate net survival by plain loops over days and patients; a list by day from 1 on for each quantity."""
    people = []
    for row in frame.itertuples():
        cumulative = [0.0]
        for rate in naive_hazards(row, hazard=hazard):
            cumulative.append(cumulative[-1] + rate)
        people.append((int(row.entry), int(row.time), int(row.event), cumulative))
    result: dict[str, list[float]] = {
        "pohar-perme": [],
        "variance": [],
        "ederer2": [],
        "ederer2 variance": [],
    }
    net = ederer = 1.0
    variance = ederer_variance = 0.0
    for day in range(1, int(frame["time"].max()) + 1):
        before = after = dead = dead_squared = expected = 0.0
        at_risk = deaths = 0
        for entry, time, event, cumulative in people:
            if entry < day <= time:
                at_risk += 1
                before += math.exp(cumulative[day - 1])
                after += math.exp(cumulative[day])
                expected += cumulative[day] - cumulative[day - 1]
                if event and time == day:
                    deaths += 1
                    dead += math.exp(cumulative[day])
                    dead_squared += math.exp(2 * cumulative[day])
        if at_risk:
            net *= 1 - dead / after + math.log(after / before)
            variance += dead_squared / after**2
            ederer *= 1 - (deaths - expected) / at_risk
            ederer_variance += deaths / at_risk**2
        for name, value in zip(result, (net, variance, ederer, ederer_variance), strict=True):
            result[name].append(value)
    return result


def assert_net_is_naive(
    frame: pd.DataFrame, life_table: LifeTable = TABLE, *, hazard: Any = hazard_of, rel: float = 1e-10
) -> None:
    # The loop sums weights in another order; over tens of days that is 1e-13 of rounding, over years 1e-11.
    for label, part in frame.groupby("group"):
        naive = naive_net(part, hazard=hazard)
        curves = net_survival(frame, life_table, by="group", **EXPECTED)
        chosen = curves.group == curves.groups["group"].tolist().index(label)
        days = curves.time[chosen].astype(int)
        estimate = dict(zip(days, curves.estimate[chosen], strict=True))
        variance = dict(zip(days, curves.log_variance[chosen], strict=True))
        for day in range(1, int(part["time"].max()) + 1):
            assert estimate[day] == pytest.approx(naive["pohar-perme"][day - 1], rel=rel, abs=1e-12)
            assert variance[day] == pytest.approx(naive["variance"][day - 1], rel=rel, abs=1e-12)
        ederer = net_survival(frame, life_table, by="group", method="ederer2", **EXPECTED).table
        ederer = ederer[ederer["group"] == label]
        for row in ederer.itertuples():
            assert row.estimate == pytest.approx(naive["ederer2"][row.time - 1], rel=rel, abs=1e-12)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut blocks, batches and bands so small that every join between them is crossed."""
    monkeypatch.setattr(population_fold, "BLOCK_DAYS", 8)
    monkeypatch.setattr(population_fold, "CELLS_AT_A_TIME", 1)
    monkeypatch.setattr(population_fold, "ROWS_AT_A_TIME", 2)
    monkeypatch.setattr(paths, "ROWS_AT_A_TIME", 2)


quiet = pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")


@quiet
@given(patients())
def test_fold_is_the_loop_over_days(frame: pd.DataFrame) -> None:
    assert_net_is_naive(frame)


@quiet
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(6))
def test_fold_is_the_loop_whatever_the_blocks(seed: int) -> None:
    assert_net_is_naive(random_patients(seed, 40, LAST_DAY))


@quiet
def test_fold_is_the_loop_over_years() -> None:
    """Follow-up over several blocks of days, some of it of the old, with population survival down to 1e-9."""
    frame = random_patients(1, 12, 2 * population_fold.BLOCK_DAYS + 300)
    frame.loc[:3, "time"] = [population_fold.BLOCK_DAYS + n for n in (-1, 0, 1, population_fold.BLOCK_DAYS)]
    frame["entry"] = frame["entry"].where(frame["entry"] < frame["time"], 0)
    assert_net_is_naive(frame, rel=1e-9)


@quiet
@pytest.mark.parametrize("first_day", [0.005, 0.01, 0.03, 0.1, 0.5])
def test_fold_is_the_loop_with_extreme_hazards(first_day: float) -> None:
    def hazard(sex: str, age: int, year: int) -> float:
        return first_day if age == 0 else 0.0002

    frame = random_patients(2, 30, 60).assign(age_days=350)
    frame["diagnosis_date"] = pd.Timestamp("2001-03-01")
    assert_net_is_naive(frame, table_of(hazard), hazard=hazard)


@quiet
@given(patients(max_size=20), st.integers(1, 9))
def test_small_batches_and_bands_change_nothing(frame: pd.DataFrame, size: int) -> None:
    whole = tally(frame, TABLE, by="group", **EXPECTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(population_fold, "CELLS_AT_A_TIME", size * 10)
        patch.setattr(population_fold, "ROWS_AT_A_TIME", size)
        patch.setattr(population_fold, "BLOCK_DAYS", 16)
        assert_same_sums(whole, tally(frame, TABLE, by="group", **EXPECTED))


def assert_same_sums(one: Tally, other: Tally, *, exact: tuple[str, ...] = COUNTS) -> None:
    """Compare cell by cell: counts exactly, weighted sums to 1e-12 of all the weight there is."""
    one_table, other_table = one.table, other.table
    keys = [*one.groups.columns, "end"]
    pd.testing.assert_frame_equal(one_table[keys], other_table[keys], check_dtype=False)
    for name in one.sums:
        if name in exact:
            assert (one_table[name] == other_table[name]).all(), name
        else:
            scale = max(
                1.0,
                float(one_table.get("weighted_left", one_table["entered"]).sum())
                ** (2 if "squared" in name else 1),
            )
            np.testing.assert_allclose(other_table[name], one_table[name], rtol=1e-12, atol=1e-12 * scale)


@quiet
@given(patients(min_size=2, max_size=16), st.randoms(use_true_random=False))
def test_sums_add(frame: pd.DataFrame, random: Any) -> None:
    part = np.array([random.random() < 0.5 for _ in range(len(frame))])
    part[0], part[-1] = True, False
    for life_table, names in ((None, OBSERVED), (TABLE, EXPECTED)):
        whole = tally(frame, life_table, by="group", **names)
        a, b = (tally(frame[rows], life_table, by="group", **names) for rows in (part, ~part))
        for total in (a + b, b + a):
            assert list(total.groups["group"]) == list(whole.groups["group"])
            # A group's cells run to its own last day in each part; past it they are absent, never different.
            assert_same_sums(whole, total)
            assert (total.at_risk == whole.at_risk).all()
        assert (a + b).life_table_digest == whole.life_table_digest


@quiet
@given(patients(min_size=3, max_size=12))
def test_sums_add_in_any_order_of_three(frame: pd.DataFrame) -> None:
    parts = [tally(frame[start::3], TABLE, by=["group", "sex"], **EXPECTED) for start in range(3)]
    left, right = (parts[0] + parts[1]) + parts[2], parts[2] + (parts[1] + parts[0])
    assert_same_sums(left, right)
    assert_same_sums(tally(frame, TABLE, by=["group", "sex"], **EXPECTED), left)


@quiet
@given(patients(), st.sets(st.integers(1, LAST_DAY + 5), min_size=1, max_size=6))
def test_coarser_cells_are_sums_of_finer_ones(frame: pd.DataFrame, breaks: set[int]) -> None:
    ends = sorted(breaks)
    fine = tally(frame, TABLE, by="group", **EXPECTED)
    coarse = fine.coarsen(Grid.breaks(ends))
    assert_same_sums(
        coarse, tally(frame, TABLE, by="group", grid=Grid.breaks(ends), **EXPECTED), exact=tuple(fine.sums)
    )
    table, cells = fine.table, coarse.table.set_index(["group", "end"])
    for label, start, end in [
        (g, s, e) for g in table["group"].unique() for s, e in zip([0, *ends], [*ends, np.inf], strict=True)
    ]:
        inside = table[(table["group"] == label) & (table["end"] > start) & (table["end"] <= end)]
        for name in fine.sums:
            value = cells[name].get((label, float(end)), 0.0)
            assert value == pytest.approx(inside[name].sum(), rel=1e-12, abs=1e-12)
    # Nothing is lost past the last break, and coarsening twice is coarsening once.
    for name in fine.sums:
        assert coarse.sums[name].sum() == pytest.approx(fine.sums[name].sum(), rel=1e-12)
    assert_same_sums(coarse.coarsen(Grid.breaks(ends[-1:])), fine.coarsen(Grid.breaks(ends[-1:])))


@quiet
@given(patients(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(frame: pd.DataFrame, random: Any) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order]
    observed = [kaplan_meier(data, by="group", **OBSERVED).table for data in (frame, shuffled)]
    pd.testing.assert_frame_equal(*observed, check_exact=True)
    assert_same_sums(*(tally(data, TABLE, by="group", **EXPECTED) for data in (frame, shuffled)))


@quiet
@given(patients(max_size=20))
def test_groups_are_split_data(frame: pd.DataFrame) -> None:
    together = kaplan_meier(frame, by="group", **OBSERVED).table
    net = net_survival(frame, TABLE, by="group", **EXPECTED).table
    for label, part in frame.groupby("group"):
        alone = kaplan_meier(part, **OBSERVED).table
        own = together[together["group"] == label].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone, check_exact=True)
        alone = net_survival(part, TABLE, **EXPECTED).table
        own = net[net["group"] == label].drop(columns="group").reset_index(drop=True)
        # Weighted sums run over people in another order; limits amplify nothing.
        pd.testing.assert_frame_equal(own, alone, rtol=1e-11, atol=1e-12)


@quiet
def test_many_groups_have_the_bits_of_each_alone() -> None:
    frame = random_patients(5, 6000, 400)
    frame["group"] = np.random.default_rng(5).integers(0, 700, len(frame))
    together = kaplan_meier(frame, by="group", **OBSERVED)
    table = together.table
    for label in (0, 1, 350, 699):
        alone = kaplan_meier(frame[frame["group"] == label], **OBSERVED).table
        own = table[table["group"] == label].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone, check_exact=True)


@quiet
@pytest.mark.parametrize("method", ["pohar-perme", "ederer2"])
@given(frame=patients(max_size=20))
def test_no_population_mortality_gives_kaplan_meier(method: str, frame: pd.DataFrame) -> None:
    net = net_survival(frame, NOUGHT, by="group", method=method, **EXPECTED).table
    observed = kaplan_meier(frame, by="group", **OBSERVED).table
    same = ["group", "time", "at_risk", "events", "censored"]
    pd.testing.assert_frame_equal(net[same], observed[same])
    np.testing.assert_allclose(net["estimate"], observed["estimate"], rtol=1e-12, atol=1e-13)


@quiet
@given(patients(late=False))
def test_deaths_at_nought_without_population_mortality(frame: pd.DataFrame) -> None:
    frame = frame.assign(time=frame["time"] % 5)
    names = {name: value for name, value in EXPECTED.items() if name != "entry"}
    net = net_survival(frame, NOUGHT, by="group", **names).table
    observed = kaplan_meier(frame, by="group", time="time", event="event").table
    np.testing.assert_allclose(net["estimate"], observed["estimate"], rtol=1e-12, atol=1e-13)
    assert net["at_risk"].tolist() == observed["at_risk"].tolist()


@quiet
@given(patients(max_size=20))
def test_frequencies_are_repeated_rows(frame: pd.DataFrame) -> None:
    repeated = frame.loc[frame.index.repeat(frame["weight"])]
    counted = kaplan_meier(frame, by="group", weights="weight", **OBSERVED).table
    expected = kaplan_meier(repeated, by="group", **OBSERVED).table
    pd.testing.assert_frame_equal(counted, expected, check_dtype=False, check_exact=True)


@quiet
@given(patients(max_size=20))
def test_equal_fractional_weights_change_only_the_variance(frame: pd.DataFrame) -> None:
    weighted = kaplan_meier(frame.assign(weight=0.3), by="group", weights="weight", **OBSERVED).table
    plain = kaplan_meier(frame, by="group", **OBSERVED).table
    np.testing.assert_allclose(weighted["estimate"], plain["estimate"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(weighted["at_risk"], 0.3 * plain["at_risk"], rtol=1e-10)


@quiet
@given(patients())
def test_survival_is_a_survival_function(frame: pd.DataFrame) -> None:
    for kind in ("log", "log-log", "plain", "logit", "arcsin"):
        table = kaplan_meier(frame, by="group", ci=kind, **OBSERVED).table
        for _, part in table.groupby("group"):
            assert (part["estimate"].diff().dropna() <= 0).all()
        assert table["estimate"].between(0, 1).all()
        known = table.dropna()
        assert (known["lower"] <= known["estimate"] + 1e-12).all()
        assert (known["upper"] >= known["estimate"] - 1e-12).all()
        assert known["lower"].ge(0).all()
        assert known["upper"].le(1).all()


@given(patients(min_size=4, max_size=25))
def test_logrank_is_its_sum_over_times(frame: pd.DataFrame) -> None:
    frame = pd.concat(
        [frame, frame.assign(group="a", event=1).head(1), frame.assign(group="b", event=1).head(1)],
        ignore_index=True,
    )
    frame["stratum"] = frame["sex"]
    labels = sorted(frame["group"].unique())
    observed, expected = np.zeros(len(labels)), np.zeros(len(labels))
    covariance = np.zeros((len(labels), len(labels)))
    for _, part in frame.groupby("stratum"):
        for time in sorted(part.loc[part["event"] == 1, "time"].unique()):
            here = part[(part["entry"] < time) & (part["time"] >= time)]
            dying = here[(here["time"] == time) & (here["event"] == 1)]
            at_risk = np.array([(here["group"] == label).sum() for label in labels], dtype=float)
            deaths, total = len(dying), at_risk.sum()
            observed += [(dying["group"] == label).sum() for label in labels]
            share = at_risk / total
            expected += share * deaths
            if total > 1:
                covariance += (
                    deaths * (total - deaths) / (total - 1) * (np.diag(share) - np.outer(share, share))
                )
    result = logrank_test(frame, by="group", strata="stratum", **OBSERVED)
    np.testing.assert_allclose(result.table["observed"], observed, rtol=0, atol=0)
    np.testing.assert_allclose(result.table["expected"], expected, rtol=1e-12, atol=1e-12)
    score = observed - expected
    # A generalised inverse, cut where the library cuts: variances of order 1 against rounding of order 1e-16.
    statistic = float(score @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ score)
    assert result.statistic == pytest.approx(statistic, rel=1e-7, abs=1e-9)
    assert result.df == np.linalg.matrix_rank(covariance, tol=1e-10, hermitian=True)


def test_a_life_table_is_not_changed_by_its_use() -> None:
    table = table_of(lambda sex, age, year: 0.0 if age < 5 else 0.001)
    digest, rates = table.digest, table.rates.copy()
    net_survival(random_patients(3, 50, 200), table, **EXPECTED)
    fresh = LifeTable.from_frame(
        table.to_frame().assign(year=lambda frame: frame["year_start"].dt.year),
        rate="hazard_per_day",
        rate_unit="per_day",
    )
    assert (table.rates == rates).all()
    assert fresh.digest == digest == table.digest


# R's rule for times that differ by rounding, said naively.
def naive_ties(values: list[float]) -> list[float]:
    distinct = sorted(set(values))
    mean = sum(abs(value) for value in distinct) / len(distinct)
    first = {distinct[0]: distinct[0]}
    for before, value in itertools.pairwise(distinct):
        tied = value - before <= TIE_TOLERANCE or (value - before) / mean <= TIE_TOLERANCE
        first[value] = first[before] if tied else value
    return [first[value] for value in values]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.1, 0.3, 1.0, 2.5, 1000.0]),
            st.sampled_from([0.0, 1e-16, 1e-9, 1.4e-8, 1.6e-8, 1e-6, 1e-4]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_times_that_differ_by_rounding_are_one_time(parts: list[tuple[float, float]]) -> None:
    values = [base + little for base, little in parts]
    with asking("test"):
        tied, *_ = tie_times(np.array(values))
    assert tied.tolist() == naive_ties(values)


@quiet
def test_weighted_sums_follow_from_each_other() -> None:
    """Everybody who enters leaves: entered + growth = left, for every weight and group."""
    sums = tally(random_patients(8, 300, 900), TABLE, by="group", **EXPECTED)
    total = {name: sums.sums[name].sum() for name in (*COUNTS, *WEIGHTED_SUMS)}
    assert total["entered"] == total["left"] == 300
    grown = total["weighted_entered"] + total["weighted_expected_events"]
    assert grown == pytest.approx(total["weighted_left"], rel=1e-12)
