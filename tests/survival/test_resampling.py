"""The bootstrap: its exact law in samples small enough to list, Greenwood's error, and rows resampled one by one."""

from __future__ import annotations

import importlib
import itertools
import math
import statistics

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import ChildsurvWarning, ColumnError, DataError, OptionError, asking
from strategies import exactly

module = importlib.import_module("childsurv.survival.resampling")

COLUMNS = {"time": "time", "event": "event"}
LATE = {**COLUMNS, "entry": "entry"}


@pytest.fixture(params=["children drawn", "counts drawn"])
def both_ways(request, monkeypatch):
    """Draw children one by one, or numbers of each kind, whatever is cheaper."""
    monkeypatch.setattr(module, "BINOMIAL_COST", math.inf if request.param == "children drawn" else -1)


def children(n: int, seed: int, *, groups: int = 1, hazard: float = 1 / 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    death = np.ceil(rng.exponential(1 / hazard, n)).astype(int)
    lost = rng.integers(1, 4000, n)
    time = np.minimum(death, lost)
    entry = np.where(rng.random(n) < 0.5, rng.integers(0, 1500, n), 0)
    return pd.DataFrame(
        {
            "time": time,
            "event": (death <= lost).astype(int),
            "entry": np.where(entry < time, entry, 0),
            "group": rng.integers(0, groups, n),
        }
    )


def value_of(table: pd.DataFrame, columns: dict[str, str], moment: float, quantity: str) -> float:
    """Return what the estimators themselves say of one resample, with the rule that 0 stays 0."""
    if quantity == "cumulative hazard":
        return cs.nelson_aalen(table, **columns).at(times=moment)["estimate"][0]
    curves = cs.kaplan_meier(table, **columns)
    if quantity == "rmst":
        return curves.rmst(times=moment)["rmst"][0]
    return (
        0.0
        if curves.estimate[-1] == 0 and curves.time[-1] < moment
        else curves.at(times=moment)["estimate"][0]
    )


@pytest.mark.filterwarnings("ignore:.*there are no events:childsurv.ChildsurvWarning")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("quantity", ["survival", "rmst", "cumulative hazard"])
def test_the_exact_distribution_of_a_tiny_sample(both_ways, late, quantity):
    # Two deaths on one day, a loss on it, a loss between deaths, and one followed further than is asked.
    sample = pd.DataFrame(
        {"time": [3, 3, 3, 4, 9], "event": [1, 1, 0, 0, 1], "entry": [0, 2, 0, 3, 0] if late else 0}
    )
    columns = LATE if late else COLUMNS
    exact: dict[float, float] = {}
    for rows in itertools.combinations_with_replacement(range(5), 5):
        ways = math.factorial(5) / math.prod(math.factorial(rows.count(row)) for row in range(5))
        value = value_of(sample.iloc[list(rows)], columns, 5, quantity)
        key = -1.0 if np.isnan(value) else round(value, 9)
        exact[key] = exact.get(key, 0.0) + ways / 5**5
    draws = cs.bootstrap(sample, times=5, quantity=quantity, replications=40_000, rng=8, **columns)
    values = np.round(np.nan_to_num(draws.replications[0, 0], nan=-1.0), 9)
    found, counts = np.unique(values, return_counts=True)
    assert set(found) <= set(exact)
    expected = np.array([exact[value] * 40_000 for value in exact])
    observed = np.array([dict(zip(found, counts, strict=True)).get(value, 0) for value in exact])
    usual = expected >= 5
    assert usual.sum() > 4
    statistic = ((observed - expected) ** 2 / expected)[usual].sum()
    # 99.9 % quantile of chi-squared by Wilson and Hilferty: good to 1 % here; the seed makes the outcome certain.
    df = int(usual.sum()) - 1
    assert statistic < df * (1 - 2 / (9 * df) + 3.09 * math.sqrt(2 / (9 * df))) ** 3


def test_numbers_of_kinds_are_multinomial(both_ways):
    sample = pd.DataFrame({"time": [1, 1, 2, 3, 8, 8], "event": [1, 1, 0, 1, 0, 1]})
    with asking("test"):
        observed = module.follow_up(sample, **COLUMNS)
    (kinds,) = module._kinds_of_groups(observed, module.fold_observed(observed), np.array([5.0]))
    assert kinds.edges.tolist() == [1, 3, 5]
    assert kinds.number.tolist() == [2, 1, 1]
    assert kinds.leave.tolist() == [1, 2, 3]
    n_draws = 60_000
    left, entered = kinds.resampled(np.random.default_rng(4), n_draws)
    assert entered is None
    assert left.shape == (n_draws, 7)
    assert not left[:, [0, 4, 5, 6]].any()
    drawn = left[:, 1:4]
    statistic, df = 0.0, -1
    for counts in itertools.product(range(7), repeat=3):
        rest = 6 - sum(counts)
        if rest < 0:
            continue
        ways = math.factorial(6) / math.prod(math.factorial(count) for count in (*counts, rest))
        chance = ways * (2 / 6) ** counts[0] * (1 / 6) ** (counts[1] + counts[2]) * (2 / 6) ** rest
        expected = n_draws * chance
        if expected >= 5:
            found = (drawn == counts).all(axis=1).sum()
            statistic += (found - expected) ** 2 / expected
            df += 1
    assert df > 60
    # Mean df and variance 2 df: four standard errors, of a fixed seed.
    assert abs(statistic - df) < 4 * math.sqrt(2 * df)


@pytest.mark.parametrize("columns", [COLUMNS, LATE])
def test_mean_and_error_of_many_children_are_those_of_greenwood(both_ways, columns):
    data = children(6000, 3)
    draws = cs.bootstrap(data, years=[1, 5], replications=4000, rng=5, **columns).table
    curves = cs.kaplan_meier(data, **columns).at(years=[1, 5])
    assert draws["estimate"].to_numpy() == pytest.approx(curves["estimate"].to_numpy(), rel=1e-13)
    # A standard deviation of 4,000 draws is good to 1 / sqrt(8,000) = 1.1 %: four times that.
    assert draws["std_error"].to_numpy() == pytest.approx(curves["std_error"].to_numpy(), rel=0.045)
    lower = curves["estimate"] - 1.96 * curves["std_error"]
    assert draws["lower"].to_numpy() == pytest.approx(lower.to_numpy(), abs=0.15 * curves["std_error"].max())


def test_rmst_has_the_error_of_its_formula():
    data = children(6000, 3)
    draws = cs.bootstrap(data, years=[5, 2], quantity="rmst", replications=4000, rng=5, **COLUMNS).table
    curves = cs.kaplan_meier(data, **COLUMNS)
    for row, years in enumerate((5, 2)):
        formula = curves.rmst(years=years)
        assert draws["estimate"][row] == pytest.approx(formula["rmst"][0], rel=1e-13)
        assert draws["std_error"][row] == pytest.approx(formula["std_error"][0], rel=0.045)


def test_cumulative_hazard_has_the_estimate_of_nelson_aalen():
    data = children(300, 3, groups=3)
    draws = cs.bootstrap(data, by="group", times=700, quantity="cumulative hazard", replications=2, **LATE)
    curves = cs.nelson_aalen(data, by="group", **LATE).at(times=700)
    assert draws.table["estimate"].to_numpy() == pytest.approx(curves["estimate"].to_numpy(), rel=1e-13)


@pytest.mark.parametrize("columns", [COLUMNS, LATE])
def test_rows_resampled_one_by_one_have_the_same_distribution(columns):
    data = children(60, 9, hazard=1 / 1500)
    n_draws = 3000
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(data), (n_draws, len(data)))
    resamples = data.iloc[rows.ravel()].assign(resample=np.repeat(np.arange(n_draws), len(data)))
    by_rows = np.sort(
        cs.kaplan_meier(resamples, by="resample", **columns).at(times=900)["estimate"].to_numpy()
    )
    ours = np.sort(cs.bootstrap(data, times=900, replications=n_draws, rng=2, **columns).replications[0, 0])
    assert not np.isnan(ours).any()
    assert not np.isnan(by_rows).any()
    both = np.concatenate([ours, by_rows])
    distance = np.abs(
        np.searchsorted(ours, both, side="right") - np.searchsorted(by_rows, both, side="right")
    ).max()
    # Kolmogorov and Smirnov's 99.9 % point, 1.95 sqrt(2 / n); the seeds make the outcome certain.
    assert distance / n_draws < 1.95 * math.sqrt(2 / n_draws)
    assert len(np.unique(ours)) > 500


def test_limits_cover_the_truth():
    # A thousand registers of 100 children are a thousand groups; true five-year survival is 0.7.
    rng = np.random.default_rng(11)
    n_groups, size, years = 1000, 100, 5
    n = n_groups * size
    death = rng.exponential(-years * 365.25 / math.log(0.7), n)
    lost = rng.uniform(0, 4000, n)
    data = pd.DataFrame(
        {
            "time": np.ceil(np.minimum(death, lost)),
            "event": (death <= lost).astype(int),
            "group": np.repeat(np.arange(n_groups), size),
        }
    )
    for limits in ("percentile", "bias-corrected"):
        table = cs.bootstrap(
            data, by="group", years=years, replications=600, rng=3, ci=limits, **COLUMNS
        ).table
        covered = ((table["lower"] <= 0.7) & (table["upper"] >= 0.7)).mean()
        # 95 % less what 100 children cost these limits (some 1 %), within four binomial errors of 0.7 %.
        assert 0.912 < covered < 0.977, limits


def test_order_of_rows_frequencies_and_seeds():
    data = children(200, 4, groups=3)
    options = {"by": "group", "times": [300, 900], "replications": 50, **LATE}
    one = cs.bootstrap(data, rng=7, **options)
    shuffled = cs.bootstrap(data.sample(frac=1, random_state=1), rng=np.random.default_rng(7), **options)
    assert (one.replications == shuffled.replications).all()
    assert not (one.replications == cs.bootstrap(data, rng=8, **options).replications).all()
    unseeded = [cs.bootstrap(data, **options).replications for _ in range(2)]
    assert not (unseeded[0] == unseeded[1]).all()
    data["weight"] = np.random.default_rng(2).integers(0, 4, len(data))
    repeated = data.loc[data.index.repeat(data["weight"])]
    for columns in (LATE, COLUMNS):
        weighted = cs.bootstrap(data, weights="weight", rng=7, **{**options, "entry": None, **columns})
        plain = cs.bootstrap(repeated, rng=7, **{**options, "entry": None, **columns})
        assert (weighted.replications == plain.replications).all()
        assert weighted.estimate == pytest.approx(plain.estimate, rel=1e-15)


def test_blocks_and_ways_of_drawing_agree_in_distribution(monkeypatch):
    data = children(400, 6)
    means = []
    for cost, values in ((math.inf, 100_000), (math.inf, 1), (-1, 100_000)):
        monkeypatch.setattr(module, "BINOMIAL_COST", cost)
        monkeypatch.setattr(module, "BLOCK_VALUES", values)
        draws = cs.bootstrap(data, years=5, replications=3000, rng=1, **LATE)
        means.append((draws.replications.mean(), draws.replications.std()))
    error = means[0][1]
    for mean, spread in means[1:]:
        # Two means of 3,000 draws each: four standard errors of their difference.
        assert abs(mean - means[0][0]) < 4 * error * math.sqrt(2 / 3000)
        assert spread == pytest.approx(error, rel=4 * math.sqrt(2 / 6000))


def test_groups_are_resampled_apart_and_compared():
    data = children(900, 4, groups=3)
    draws = cs.bootstrap(data, by="group", years=[1, 3], replications=2000, rng=7, **COLUMNS)
    assert abs(np.corrcoef(draws.replications[:, 0])[np.triu_indices(3, 1)]).max() < 4 / math.sqrt(2000)
    table = draws.difference(reference=1)
    assert list(table.columns) == [
        "group",
        "time",
        "difference",
        "std_error",
        "lower",
        "upper",
        "replications",
    ]
    assert table["group"].tolist() == [0, 0, 2, 2]
    apart = draws.replications[2, 1] - draws.replications[1, 1]
    last = table.iloc[3]
    assert last["difference"] == pytest.approx(draws.estimate[2, 1] - draws.estimate[1, 1], rel=1e-13)
    assert last["std_error"] == pytest.approx(apart.std(ddof=1), rel=1e-12)
    assert [last["lower"], last["upper"]] == pytest.approx(np.quantile(apart, [0.025, 0.975]), rel=1e-12)
    usual = cs.kaplan_meier(data, by="group", **COLUMNS).difference(reference=1, years=[1, 3])
    assert table["std_error"].to_numpy() == pytest.approx(usual["std_error"].to_numpy(), rel=0.1)
    two = data.assign(other=np.where(data["time"] % 2, "odd", "even"))
    named = cs.bootstrap(two, by=["group", "other"], years=1, replications=10, rng=7, **COLUMNS)
    assert len(named.difference(reference=(0, "odd"))) == 5
    with pytest.raises(
        OptionError,
        match=exactly(
            "difference(): there is no group 0 of group, other; give a label, or a tuple with one "
            "label a column."
        ),
    ):
        named.difference(reference=0)
    with pytest.raises(
        OptionError,
        match=exactly(
            "difference(): there is no group 5 of group; give a label, or a tuple with one label a column."
        ),
    ):
        draws.difference(reference=5)
    with pytest.raises(OptionError, match=exactly("difference() needs several groups; estimate with by=.")):
        cs.bootstrap(data, years=1, replications=10, **COLUMNS).difference(reference=1)


def test_limits_by_their_definitions():
    data = children(80, 5, hazard=1 / 1500)
    options = {"times": 800, "replications": 999, "rng": 4, "level": 0.9, **COLUMNS}
    draws = cs.bootstrap(data, **options)
    values, estimate = draws.replications[0, 0], draws.estimate[0, 0]

    def limits(kind: str) -> list[float]:
        table = cs.bootstrap(data, ci=kind, **options).table
        return [table["lower"][0], table["upper"][0]]

    low, high = np.quantile(values, [0.05, 0.95])
    assert limits("percentile") == pytest.approx([low, high], rel=1e-12)
    assert limits("basic") == pytest.approx([2 * estimate - high, 2 * estimate - low], rel=1e-12)
    error = values.std(ddof=1)
    z = 1.6448536269514722
    assert limits("normal") == pytest.approx([estimate - z * error, estimate + z * error], rel=1e-12)
    normal = statistics.NormalDist()
    shift = normal.inv_cdf(((values < estimate).sum() + 0.5 * (values == estimate).sum()) / 999)
    assert abs(shift) > 0.001
    shares = [normal.cdf(2 * shift - z), normal.cdf(2 * shift + z)]
    assert limits("bias-corrected") == pytest.approx(np.quantile(values, shares), rel=1e-9)


def test_resamples_without_anybody_left_are_not_counted():
    # Only the last of six is followed to day 50: it is missing from (5/6)**6 of resamples, a third.
    data = pd.DataFrame({"time": [10, 20, 30, 30, 40, 60], "event": [1, 0, 1, 0, 0, 0]})
    draws = cs.bootstrap(data, times=[50, 70], replications=4000, rng=1, **COLUMNS)
    table = draws.table
    share = table["replications"][0] / 4000
    assert share == pytest.approx(1 - (5 / 6) ** 6, abs=4 * math.sqrt(0.25 / 4000))
    known = draws.replications[0, 0][np.isfinite(draws.replications[0, 0])]
    assert table["std_error"][0] == pytest.approx(known.std(ddof=1), rel=1e-12)
    assert table["lower"][0] == pytest.approx(np.quantile(known, 0.025), rel=1e-12)
    # Nobody at all is followed to day 70.
    assert table.loc[1, ["estimate", "std_error", "lower", "upper"]].isna().all()
    assert table["replications"][1] == 0
    # Once all are dead survival is 0, whatever the time.
    dead = cs.bootstrap(data.assign(event=1), times=70, replications=20, rng=1, **COLUMNS)
    assert not dead.replications.any()
    with pytest.warns(
        ChildsurvWarning,
        match=exactly(
            "bootstrap: there are no events in 6 rows, so limits have no width. Check that the event "
            "column has 1 for a death."
        ),
    ):
        alive = cs.bootstrap(data.assign(event=0), times=50, ci="bias-corrected", replications=20, **COLUMNS)
    assert alive.table[["estimate", "lower", "upper"]].to_numpy().tolist() == [[1, 1, 1]]


def test_bias_is_unknown_where_all_replications_are_on_one_side():
    draws = cs.bootstrap(
        children(50, 1, hazard=1 / 1500),
        times=500,
        replications=50,
        ci="bias-corrected",
        rng=1,
        **COLUMNS,
    )
    lower, upper = module._limits(
        np.array([2.0]),
        draws.replications[0],
        np.array([50]),
        np.array([0.1]),
        kind="bias-corrected",
        level=0.95,
    )
    assert np.isnan([lower, upper]).all()


def test_a_cohort_with_late_entries():
    cohort = cs.demo.cohort(patients=1500, seed=1).window(followed=("2012-01-01", "2016-12-31"))
    assert (cohort.data["entry"] > 0).any()
    draws = cs.bootstrap(cohort, by="country", years=[1, 5], replications=30, rng=1)
    usual = cs.kaplan_meier(cohort, by="country").at(years=[1, 5])
    assert draws.table["estimate"].to_numpy() == pytest.approx(usual["estimate"].to_numpy(), rel=1e-13)
    assert draws.groups["patients"].sum() == len(cohort)
    assert "30 replications" in repr(draws)
    assert draws.conventions["quantity"] == "survival"
    with pytest.raises(ValueError, match="read-only"):
        draws.replications[0] = 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"times": None}, OptionError, r"^bootstrap: give times= \(in days\) or years=, one of the two\.$"),
        ({"years": 5}, OptionError, r"^bootstrap: give times= \(in days\) or years=, one of the two\.$"),
        ({"times": 0}, OptionError, "finite numbers greater than 0"),
        ({"times": []}, OptionError, "finite numbers greater than 0"),
        ({"times": "five"}, OptionError, "finite numbers greater than 0"),
        ({"times": None, "years": 5, "time_unit": "months"}, OptionError, "years= needs follow-up in days"),
        ({"replications": 1}, OptionError, "whole number of 2 or more"),
        ({"replications": 10.0}, OptionError, "whole number of 2 or more"),
        ({"quantity": "hazard"}, OptionError, "quantity='hazard' is not a choice"),
        ({"ci": "bca"}, OptionError, "ci='bca' is not a choice"),
        ({"level": 95}, OptionError, "must lie between 0 and 1"),
        ({"weights": "half"}, DataError, r"column 'half' .* not whole numbers in 40 rows"),
        ({"time": None}, ColumnError, "needs time= and event="),
    ],
)
def test_faults(options, error, message):
    data = children(40, 1).assign(half=0.5)
    with pytest.raises(error, match=message):
        cs.bootstrap(data, **{"times": 100, **COLUMNS, **options})
