"""Measure every benchmark, or those named: ``python -m benchmarks [kaplan-meier] [cox] [net] ... [import]``."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import childsurv as cs
from benchmarks.children import (
    in_groups,
    life_table_cells,
    life_table_of,
    net_survival_at,
    net_survival_by_groups,
    simulated_children,
)
from benchmarks.extracts import read, write_extract_of
from benchmarks.measure import Row, peak_megabytes, r_seconds, seconds

RESULTS = Path(__file__).with_name("RESULTS.md")


def kaplan_meier(folder: Path) -> list[Row]:
    """Kaplan-Meier of a million rows, as one group and as 600."""
    from lifelines import KaplanMeierFitter

    random = np.random.default_rng(2)
    n = 1_000_000
    data = pd.DataFrame(
        {
            "group": random.integers(0, 600, n),
            "time": np.ceil(random.exponential(2500.0, n)).clip(1, 5479).astype(np.int64),
            "event": random.integers(0, 2, n),
        }
    )
    data.to_csv(folder / "groups.csv", index=False)
    one = seconds(lambda: cs.kaplan_meier(data, time="time", event="event").table, repeats=9)
    theirs = seconds(
        lambda: KaplanMeierFitter().fit(data["time"], data["event"]).confidence_interval_survival_function_,
        repeats=1,
    )
    continuous = data[["event"]].assign(time=random.exponential(2500.0, n))
    ours_continuous = seconds(lambda: cs.kaplan_meier(continuous, time="time", event="event").table)
    theirs_continuous = seconds(
        lambda: KaplanMeierFitter().fit(continuous["time"], continuous["event"]), repeats=1
    )
    many = seconds(lambda: cs.kaplan_meier(data, time="time", event="event", by="group").table)
    return [
        Row("Kaplan-Meier with limits, 1,000,000 rows, days", "lifelines", one, theirs, 10),
        Row(
            "Kaplan-Meier with limits, 1,000,000 rows, continuous times",
            "lifelines",
            ours_continuous,
            theirs_continuous,
            None,
            "sorting is most of ours",
        ),
        Row(
            "Kaplan-Meier with limits, 1,000,000 rows in 600 groups",
            "R survfit(~ group)",
            many,
            r_seconds("survfit_groups", folder),
            100,
            "R without summary()",
        ),
    ]


def comparisons(folder: Path) -> list[Row]:
    """Log-rank test and bootstrap of 600 groups, competing causes and Gray's test."""
    random = np.random.default_rng(2)
    n = 1_000_000
    data = pd.DataFrame(
        {
            "group": random.integers(0, 600, n),
            "time": np.ceil(random.exponential(2500.0, n)).clip(1, 5479).astype(np.int64),
            "event": random.integers(0, 2, n),
        }
    )
    data.to_csv(folder / "groups.csv", index=False)
    test = seconds(lambda: cs.logrank_test(data, by="group", time="time", event="event"))
    columns = {"by": "group", "time": "time", "event": "event"}
    single = seconds(lambda: cs.kaplan_meier(data, **columns).table)
    bootstrap = seconds(lambda: cs.bootstrap(data, years=5, rng=1, **columns).table, repeats=1)
    few = 100_000
    causes = pd.DataFrame(
        {
            "group": random.integers(0, 12, few),
            "time": np.ceil(random.exponential(2500.0, few)).clip(1, 5479).astype(np.int64),
            "cause": random.integers(0, 3, few),
        }
    )
    causes.to_csv(folder / "causes.csv", index=False)
    from lifelines import AalenJohansenFitter

    options = {"cause": "cause", "time": "time"}
    whole = seconds(lambda: cs.cumulative_incidence(causes, **options).table, repeats=5)
    # lifelines gives one cause at a time, and sets ties apart at random.
    theirs = seconds(
        lambda: [
            AalenJohansenFitter(seed=1).fit(causes["time"], causes["cause"], event_of_interest=cause)
            for cause in (1, 2)
        ],
        repeats=1,
    )
    many = pd.DataFrame(
        {
            "group": random.integers(0, 12, n),
            "time": np.ceil(random.exponential(2500.0, n)).clip(1, 5479).astype(np.int64),
            "cause": random.integers(0, 3, n),
        }
    )
    (folder / "many").mkdir()
    many.to_csv(folder / "many" / "causes.csv", index=False)
    gray_of_many = seconds(lambda: cs.gray_test(many, by="group", **options))
    theirs_of_many = r_seconds("cuminc", folder / "many")
    grouped = seconds(lambda: cs.cumulative_incidence(causes, by="group", **options).table)
    gray = seconds(lambda: cs.gray_test(causes, by="group", **options))
    return [
        Row(
            "Log-rank test, 1,000,000 rows in 600 groups",
            "R survdiff",
            test,
            r_seconds("survdiff_groups", folder),
            10,
        ),
        Row(
            "Bootstrap of five-year survival, 2,000 replications of 600 groups, 1,000,000 rows",
            "100 single fits of ours",
            bootstrap,
            100 * single,
            1,
        ),
        Row("Aalen-Johansen with variances, 100,000 rows", "lifelines, both causes", whole, theirs, 50),
        Row("the same", "R survfit", whole, r_seconds("survfit_causes", folder), 5),
        Row(
            "Incidence of two causes in 12 groups with variances, and Gray's test, 100,000 rows",
            "R cmprsk::cuminc",
            grouped + gray,
            r_seconds("cuminc", folder),
        ),
        Row(
            "Gray's test of two causes in 12 groups, 1,000,000 rows",
            "R cmprsk::cuminc, which gives the incidences too",
            gray_of_many,
            theirs_of_many,
            20,
        ),
    ]


def cox(folder: Path) -> list[Row]:
    """Cox regression with Efron ties, 100,000 rows and 10 covariates."""
    from lifelines import CoxPHFitter

    random = np.random.default_rng(3)
    n, p = 100_000, 10
    covariates = random.normal(size=(n, p))
    covariates[:, 5:] = covariates[:, 5:] > 0
    hazard = np.exp(covariates @ np.linspace(-0.5, 0.5, p)) / 3000
    death = np.ceil(random.exponential(1 / hazard))
    closing = random.integers(365, 3653, n)
    data = pd.DataFrame(covariates, columns=[f"x{i}" for i in range(p)])
    data["time"] = np.minimum(death, closing).astype(np.int64)
    data["event"] = (death <= closing).astype(np.int64)
    data.to_csv(folder / "cox.csv", index=False)
    terms = [f"x{i}" for i in range(p)]
    ours = seconds(lambda: cs.cox(data, terms, time="time", event="event").table)
    theirs = seconds(lambda: CoxPHFitter().fit(data, "time", "event"), repeats=1)
    task = "Cox, Efron ties, 100,000 rows x 10 covariates"
    return [
        Row(task, "lifelines", ours, theirs, 8),
        Row(task, "R coxph", ours, r_seconds("coxph", folder), 3),
    ]


def net(folder: Path) -> list[Row]:
    """Pohar Perme on colrec and on a million simulated children."""
    rows = []
    if r_seconds("export_colrec", folder) is not None:
        patients = pd.read_csv(folder / "colrec.csv", parse_dates=["diagnosis_date"])
        cells = pd.read_csv(folder / "slopop.csv")
        table = cs.LifeTable.from_frame(
            cells, age="age_start", age_unit="days", rate="hazard", rate_unit="per_day",
            year_starts=dict(zip(cells["year"], cells["year_start"], strict=True)),
        )  # fmt: skip
        columns = {
            "time": "time",
            "event": "event",
            "age_days": "age_days",
            "diagnosis_date": "diagnosis_date",
        }
        last = str((patients["diagnosis_date"] + pd.to_timedelta(patients["time"], "D")).max().date())
        for name, method, options in (
            ("Pohar Perme", "pohar-perme", {}),
            ("Ederer II", "ederer2", {}),
            ("Hakulinen", "hakulinen", {"closing_date": last}),
        ):
            ours = seconds(
                lambda: cs.net_survival(patients, table, method=method, **columns, **options).table,  # noqa: B023
                repeats=7,
            )
            theirs = r_seconds(f"relsurv_colrec_{method}", folder)
            rows.append(Row(f"{name}, colrec (5,971 adults)", "relsurv", ours, theirs, 20))
    else:
        absent = "needs R with relsurv"
        rows.append(Row("Pohar Perme, colrec (5,971 adults)", "relsurv", float("nan"), None, 15, absent))
    cells = life_table_cells()
    life_table = cs.LifeTable.from_frame(cells, mx="mx")
    cells.to_csv(folder / "life_table.csv", index=False)
    n, few = 1_000_000, 5_000
    children = simulated_children(n)
    children.iloc[:few].to_csv(folder / "children.csv", index=False)
    theirs = r_seconds("relsurv_children", folder)
    grouped, countries_table = in_groups(children, 13, 12), life_table_of(13)
    for name, work, target, arguments in (
        ("", lambda: net_survival_at(children, life_table), 100, []),
        (
            " in 13 countries x 12 diagnoses",
            lambda: net_survival_by_groups(grouped, countries_table),
            150,
            [13, 12],
        ),
    ):
        megabytes = peak_megabytes("benchmarks.children", str(n), *(str(value) for value in arguments))
        rows.append(
            Row(
                f"Pohar Perme, 1,000,000 simulated children{name}, per child",
                "relsurv, timed on 5,000 of them in one group",
                seconds(work, repeats=5) / n,
                None if theirs is None else theirs / few,
                target,
                "peak memory not told by this system"
                if megabytes is None
                else f"peak {megabytes:,.0f} MB, data included",
            )
        )
    return rows


def net_family(folder: Path) -> list[Row]:
    """Graffeo's test, crude mortality and expected numbers at risk on colrec."""
    works = (
        ("Test of net survival by sex, colrec", "rs.diff", "rs_diff_sex", 20),
        ("Test of net survival by stage, colrec", "rs.diff", "rs_diff_stage", 20),
        ("Crude mortality with variances, colrec", "cmp.rel", "cmp_rel", 20),
        ("Expected numbers at risk and life times by sex, colrec", "nessie", "nessie", None),
    )
    if r_seconds("export_colrec", folder) is None:
        return [
            Row(task, f"relsurv {peer}", float("nan"), None, target, "needs R with relsurv")
            for task, peer, _, target in works
        ]
    patients = pd.read_csv(folder / "colrec.csv", parse_dates=["diagnosis_date"])
    cells = pd.read_csv(folder / "slopop.csv")
    table = cs.LifeTable.from_frame(
        cells, age="age_start", age_unit="days", rate="hazard", rate_unit="per_day",
        year_starts=dict(zip(cells["year"], cells["year_start"], strict=True)),
    )  # fmt: skip
    longer = table.extend("last")
    people = {"age_days": "age_days", "diagnosis_date": "diagnosis_date"}
    followed = {"time": "time", "event": "event", **people}
    ours = {
        "rs_diff_sex": lambda: cs.net_survival_test(patients, table, by="sex", **followed),
        "rs_diff_stage": lambda: cs.net_survival_test(patients, table, by="stage", **followed),
        "cmp_rel": lambda: cs.crude_mortality(patients, table, **followed).table,
        "nessie": lambda: cs.expected_at_risk(
            patients, longer, by="sex", years=range(11), horizon_years=100, **people
        ),
    }
    return [
        Row(task, f"relsurv {peer}", seconds(ours[name], repeats=7), r_seconds(name, folder), target)
        for task, peer, name, target in works
    ]


def life_tables(folder: Path) -> list[Row]:
    """Read life tables, and look a million children up in one."""
    cells = cs.demo.simulate(patients=200, seed=1).life_tables.round({"mx": 6})
    long = folder / "rates.csv"
    cells.to_csv(long, index=False)
    first = cells[cells["country"] == cells["country"].iloc[0]]
    wide = first.pivot(index=["year", "age"], columns="sex", values="mx").reset_index()
    wide["total"] = (wide["female"] + wide["male"]) / 2
    open_age = wide["age"] == wide["age"].max()
    wide["age"] = wide["age"].astype(str) + np.where(open_age, "+", "")
    printed = wide.rename(columns=str.capitalize)[["Year", "Age", "Female", "Male", "Total"]]
    published = folder / "Mx_1x1.txt"
    head = "Simulated, Death rates (period 1x1)\n\n"
    published.write_text(head + printed.to_string(index=False), encoding="utf-8")
    rows = [
        Row(
            f"Life table of {len(frame):,} rows, {name}",
            "pandas.read_csv of the same file",
            seconds(lambda: cs.read_life_table(path), repeats=9),  # noqa: B023
            seconds(lambda: pd.read_csv(path, **options), repeats=9),  # noqa: B023
            0.33,
            "at most 3 times slower is asked for",
        )
        for frame, name, path, options in (
            (cells, "long", long, {}),
            (printed, "Human Mortality Database", published, {"sep": r"\s+", "skiprows": 2}),
        )
    ]
    cells = life_table_cells()
    table = cs.LifeTable.from_frame(cells, mx="mx")
    cells.to_csv(folder / "life_table.csv", index=False)
    n, few = 1_000_000, 20_000
    children = simulated_children(n)
    children.iloc[:few].to_csv(folder / "children.csv", index=False)
    birth = children["diagnosis_date"] - pd.to_timedelta(children["age_days"], unit="D")
    theirs = r_seconds("survexp_children", folder)
    individual = seconds(lambda: cs.expected_survival(children, table, kind="individual", time="time"))
    hazard = seconds(
        lambda: table.hazard(sex=children["sex"], birth_date=birth, date=children["diagnosis_date"])
    )
    cells_of = {"ages": [0, 1, 5, 10, 15], "years": [2000, 2005, 2010]}
    by_cell = seconds(lambda: cs.person_years(children, table, time="time", event="event", **cells_of))
    pyears = r_seconds("pyears_children", folder)
    per_child = f"timed on {few:,} of them"
    return [
        *rows,
        Row(f"Hazards of {n:,} children on one day", "", hazard, None, None),
        Row(
            f"Expected survival of {n:,} children at their own times, per child",
            f"R survexp, {per_child}",
            individual / n,
            None if theirs is None else theirs / few,
        ),
        Row(
            f"Person-years and expected deaths of {n:,} children by age and period, per child",
            f"R pyears, {per_child}",
            by_cell / n,
            None if pyears is None else pyears / few,
        ),
    ]


def reading(folder: Path) -> list[Row]:
    """Read, clean, check and classify extracts; pandas reads them only."""
    path, n, fewer = folder / "extract.csv", 1_000_000, 200_000
    text = write_extract_of(n, path)
    ours, theirs = seconds(lambda: read(path)), seconds(lambda: pd.read_csv(path))
    megabytes = peak_megabytes("benchmarks.extracts", str(path))
    codes = [text[name] for name in ("topography", "morphology", "behaviour")]
    classes = seconds(lambda: cs.classify_iccc3(*codes))
    schemas = seconds(lambda: cs.toronto_schema(*codes, pd.to_numeric(text["age_years"])))
    peak = "" if megabytes is None else f"; peak {megabytes:,.0f} MB"
    rows = [
        Row(
            f"Extract of {n:,} rows: reading, cleaning, all checks, ICCC-3",
            "pandas.read_csv, reading only",
            ours,
            theirs,
            0.25,
            f"at most 4 times slower is asked for{peak}",
        ),
        Row(
            f"ICCC-3 and Toronto schema of {n:,} tumours",
            "pandas.read_csv of them",
            classes + schemas,
            theirs,
            1,
        ),
    ]
    part = text.iloc[:fewer]
    import pyreadstat

    pyreadstat.write_dta(part, str(folder / "extract.dta"))
    part.to_excel(folder / "extract.xlsx", index=False, engine="xlsxwriter")
    for suffix, peer, load in (
        (".dta", "pandas.read_stata", pd.read_stata),
        (".xlsx", "pandas.read_excel, openpyxl", pd.read_excel),
    ):
        file = folder / f"extract{suffix}"
        mine, other = seconds(lambda: read(file), repeats=1), seconds(lambda: load(file), repeats=1)  # noqa: B023
        rows.append(
            Row(f"the same extract, {fewer:,} rows as {suffix}", f"{peer}, reading only", mine, other, None)
        )
    return rows


def imports(folder: Path) -> list[Row]:
    """Import of the package, compiled, as the shortest of several fresh interpreters."""
    command = [sys.executable, "-c", "import childsurv"]
    empty = [sys.executable, "-c", "pass"]
    subprocess.run(command, check=True)
    ours = seconds(lambda: subprocess.run(command, check=True), repeats=7)
    start = seconds(lambda: subprocess.run(empty, check=True), repeats=7)
    heavy = seconds(lambda: subprocess.run([sys.executable, "-c", "import lifelines"], check=True), repeats=3)
    return [Row("import, less the interpreter's own start", "lifelines", ours - start, heavy - start, None)]


BENCHMARKS: dict[str, Callable[[Path], list[Row]]] = {
    "kaplan-meier": kaplan_meier,
    "comparisons": comparisons,
    "cox": cox,
    "net": net,
    "net-family": net_family,
    "life-table": life_tables,
    "reading": reading,
    "import": imports,
}


def main() -> None:
    """Run, print, and keep the table when everything was run."""
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = set(chosen) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for benchmark in chosen:
            print(f"measuring {benchmark} ...", file=sys.stderr, flush=True)
            rows += BENCHMARKS[benchmark](Path(name))
    text = render(rows)
    print(text)
    if len(chosen) == len(BENCHMARKS):
        RESULTS.write_text(text, encoding="utf-8")


def render(rows: list[Row]) -> str:
    """Return the table as Markdown, with versions."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: seconds of the same work, ours and a peer's, in one run on one machine. Only ratios",
        "carry over to other machines.",
        "",
        "| work | ours, s | peer | peer, s | times faster | asked for | note |",
        "| --- | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        theirs = "absent" if row.theirs is None else f"{row.theirs:.3g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        target = "" if row.target is None else f"{row.target:g}"
        lines.append(
            f"| {row.task} | {row.ours:.3g} | {row.peer} | {theirs} | {ratio} | {target} | {row.note} |"
        )
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("childsurv", "numpy", "scipy", "pandas", "lifelines")
    )
    lines += [
        "",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}; {versions}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
