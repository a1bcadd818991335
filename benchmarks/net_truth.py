"""Net survival against a known truth: bias and coverage of every estimator, on simulated children.

``python -m benchmarks.net_truth [PICTURE]`` prints the table of ``docs/net_survival.md``. Children are those of
`childsurv.demo`, infants among them, diagnosed over five years of one invented country; a replication is 1,000 of them.
The second population has fifteen times the mortality, and an excess hazard that goes with age, so that estimators that
are biased in principle show it.
"""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

import childsurv as cs
from childsurv.demo.mortality import population_death_time

REPLICATIONS = 2_000
CHILDREN = 1_000
YEARS = np.arange(1, 11)
DIAGNOSED = ("2005-01-01", "2009-12-31")
FOLLOWED = ("2008-01-01", "2010-12-31")
CLOSING = "2019-12-31"
TIMES_MORTALITY = 15.0

METHODS: dict[str, dict[str, object]] = {
    "Pohar Perme, daily": {},
    "Pohar Perme, daily, exponential": {"form": "exponential"},
    "Pohar Perme, monthly, person-time": {"intervals": "monthly"},
    "Pohar Perme, monthly, actuarial": {"intervals": "monthly", "form": "actuarial"},
    "Ederer II": {"method": "ederer2"},
    "Ederer I": {"method": "ederer1"},
    "Hakulinen": {"method": "hakulinen"},
}
LATE = (
    "Pohar Perme, daily",
    "Pohar Perme, daily, exponential",
    "Pohar Perme, monthly, person-time",
    "Ederer II",
)

Truth = npt.NDArray[np.float64]


def demo_children(seed: int) -> tuple[cs.Cohort, cs.LifeTable, Truth]:
    """Return children of the demo, dealt into replications, their life table and the true net survival by year."""
    options = {"countries": ["XPV"], "diagnosed": DIAGNOSED, "losses": False}
    truth = cs.demo.simulate(patients=1_000_000, seed=seed + 1, **options).truth.net_survival(YEARS.tolist())
    cohort = cs.demo.cohort(patients=REPLICATIONS * CHILDREN, seed=seed, **options)
    dealt = cohort.with_columns(replication=np.arange(len(cohort)) % REPLICATIONS)
    return dealt, cs.demo.life_table().extend("last"), truth["net_survival"].to_numpy()


def harsh_children(seed: int) -> tuple[cs.Cohort, cs.LifeTable, Truth]:
    """Return children in a population of high mortality, whose excess hazard is highest in infants."""
    random = np.random.default_rng(seed)
    cohort, mild, _ = demo_children(seed)
    cells = mild.to_frame()
    cells = cells[cells["country"] == "XPV"]
    years = cells["year_start"].dt.year
    cells = cells[years.notna()].assign(
        year=years[years.notna()].astype(int),
        mx=lambda frame: TIMES_MORTALITY * 365.25 * frame["hazard_per_day"],
    )
    table = cs.LifeTable.from_frame(cells, mx="mx", by="country").extend("last")
    frame = cohort.data
    infant = (frame["age_years"] < 1).to_numpy()
    yearly = np.where(infant, 0.30, 0.04)
    disease = random.exponential(size=len(frame)) / yearly * 365.25
    birth, diagnosis = (
        frame[name].to_numpy().astype("datetime64[D]").astype(np.int64)
        for name in ("birth_date", "diagnosis_date")
    )
    closed = np.datetime64(CLOSING, "D").astype(np.int64) - diagnosis
    stratum = np.array([table.strata["sex"].tolist().index(sex) for sex in ("female", "male")])[
        (frame["sex"] == "male").to_numpy().astype(int)
    ]
    other = population_death_time(
        table,
        stratum,
        birth=birth,
        diagnosis=diagnosis,
        threshold=random.exponential(size=len(frame)),
        horizon=closed,
    )
    death = np.ceil(np.minimum(disease, other))
    own = frame.assign(
        time=np.minimum(death, closed).astype(np.int64), event=(death <= closed).astype(np.int64), entry=0
    )
    columns = [
        "replication",
        "country",
        "sex",
        "birth_date",
        "age_days",
        "diagnosis_date",
        "entry",
        "time",
        "event",
    ]
    made = cs.Cohort(
        own[columns], len(own), dt.date.fromisoformat(CLOSING), cohort.findings, cohort.exclusions
    )
    share = float(infant.mean())
    return made, table, share * np.exp(-0.30 * YEARS) + (1 - share) * np.exp(-0.04 * YEARS)


def estimates(
    cohort: cs.Cohort, table: cs.LifeTable, years: npt.NDArray[np.int64], **options: object
) -> pd.DataFrame:
    """Return every replication's estimates, with log-log limits."""
    curves = cs.net_survival(
        cohort, table, by="replication", ci="log-log", horizon_years=float(years[-1]), **options
    )
    return curves.at(years=years.tolist())


def summary(at: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Return bias, its standard error and coverage by year."""
    shape = (-1, truth.size)
    estimate, lower, upper = (at[name].to_numpy().reshape(shape) for name in ("estimate", "lower", "upper"))
    return pd.DataFrame(
        {
            "bias": estimate.mean(axis=0) - truth,
            "error": estimate.std(axis=0, ddof=1) / np.sqrt(estimate.shape[0]),
            "coverage": ((lower <= truth) & (truth <= upper)).mean(axis=0),
        }
    )


def study(seed: int = 20261125) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Return the summaries by population, approach and estimator."""
    found = {}
    for population, make in (("demo", demo_children), ("harsh", harsh_children)):
        cohort, table, truth = make(seed)
        period = cs.period_approach(cohort, followed=FOLLOWED)
        for name, options in METHODS.items():
            found[population, "cohort", name] = summary(estimates(cohort, table, YEARS, **options), truth)
            if name in LATE:
                five = YEARS[:5]
                found[population, "period", name] = summary(
                    estimates(period, table, five, **options), truth[:5]
                )
    return found


SHOWN = {
    "Pohar Perme, daily": ("Pohar Perme", "#1b6ca8", "-"),
    "Ederer II": ("Ederer II", "#c8553d", "--"),
    # Where all could be followed to the end, Hakulinen's is the same.
    "Ederer I": ("Ederer I, Hakulinen", "#3d3d3d", ":"),
}
"""Estimators of the picture: label, colour and line."""


def picture(found: dict[tuple[str, str, str], pd.DataFrame]) -> Figure:
    """Draw the bias of the daily estimators by year since diagnosis, in both populations."""
    figure = Figure(figsize=(8.6, 3.9))
    panels = figure.subplots(1, 2, sharey=True)
    titles = {
        "demo": "Mortality as low as a child's",
        "harsh": f"{TIMES_MORTALITY:g} times that, and infants at most risk",
    }
    for axes, (population, title) in zip(panels, titles.items(), strict=True):
        axes.axhline(0, color="#b0b7bc", linewidth=0.8)
        ends = []
        for name, (label, colour, line) in SHOWN.items():
            rows = found[population, "cohort", name]
            bias, error = 100 * rows["bias"].to_numpy(), 100 * rows["error"].to_numpy()
            axes.plot(YEARS, bias, color=colour, linestyle=line, linewidth=1.8)
            if name.startswith("Pohar"):
                axes.fill_between(
                    YEARS, bias - 2 * error, bias + 2 * error, color=colour, alpha=0.15, linewidth=0
                )
            ends.append((bias[-1], label, colour))
        # Labels at the ends of lines, moved apart where they would lie on each other.
        place = -np.inf
        for height, label, colour in sorted(ends):
            place = max(height, place + 0.055)
            axes.annotate(label, (10.2, place), color=colour, fontsize=9, va="center", annotation_clip=False)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel("Years since diagnosis")
        axes.set_xticks([1, 2, 4, 6, 8, 10])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("Bias, percentage points")
    note = (
        f"Simulated: means of {REPLICATIONS:,} registers of {CHILDREN:,} children; band: two standard errors."
    )
    figure.text(0.01, 0.01, note, fontsize=8, color="#555555")
    figure.subplots_adjust(left=0.08, right=0.85, bottom=0.2, top=0.9, wspace=0.5)
    return figure


def main() -> None:
    """Print bias (in points) and coverage at five and ten years; with a path, draw the picture there."""
    found = study()
    if len(sys.argv) > 1:
        cs.plot.save(picture(found), sys.argv[1])
    print(
        "| population | approach | estimator | bias at 5 years, points | coverage | bias at 10 years | coverage |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for (population, approach, name), rows in found.items():
        cells = []
        for year in (5, 10):
            if year > len(rows):
                cells += ["", ""]
                continue
            row = rows.iloc[year - 1]
            cells += [
                f"{100 * row['bias']:+.2f} ± {100 * row['error']:.2f}",
                f"{100 * row['coverage']:.1f} %",
            ]
        print(f"| {population} | {approach} | {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
