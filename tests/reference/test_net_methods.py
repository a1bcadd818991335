"""Every method of relsurv and popEpi on simulated children, against R's results kept beside this file.

Made by ``net_methods.R`` (versions in ``net_methods_versions.csv``) from ``children.csv`` and ``life_table.csv``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival

FOLDER = Path(__file__).parent
ADDED = (50.5, 365.241, 800.25)
COLUMNS = {"by": "group", "time": "time", "event": "event"}

CASES: dict[str, dict[str, Any]] = {
    "pohar-perme": {},
    "pohar-perme added": {"compat_options": {"add_times": ADDED}},
    "pohar-perme precision 30": {"compat_options": {"precision": 30}},
    "pohar-perme exponential log-log": {"form": "exponential", "ci": "log-log"},
    "ederer2": {},
    "ederer2 plain": {"ci": "plain"},
    "ederer1": {},
    "hakulinen": {},
    "hakulinen exponential": {"form": "exponential"},
    "hakulinen Date": {"compat_options": {"date_class": False}},
}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "children.csv", parse_dates=["diagnosis_date"])


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "life_table.csv")


@pytest.mark.parametrize("case", CASES)
def test_relsurv(children: pd.DataFrame, cells: pd.DataFrame, case: str) -> None:
    """To 1e-10: the same sums in the same steps; R printed 15 digits."""
    table = LifeTable.from_frame(cells, qx="qx", days_per_year=365.241).extend("last")
    theirs = pd.read_csv(FOLDER / "net_methods_relsurv.csv")
    theirs = theirs[theirs["case"] == case]
    ours = net_survival(
        children, table, method=case.split()[0], compat="relsurv", **COLUMNS, **CASES[case]
    ).table.assign(log_error=lambda t: t["std_error"] / t["estimate"].abs())
    place = {key: row for row, key in enumerate(zip(ours["group"], ours["time"], strict=True))}
    own = ours.iloc[[place[key] for key in zip(theirs["group"], theirs["time"], strict=True)]]
    names = {
        "at_risk": "n_risk", "events": "n_event", "estimate": "surv", "log_error": "std_err", "lower": "lower",
        "upper": "upper",
    }  # fmt: skip
    for mine, their in names.items():
        a, b = own[mine].to_numpy(float), theirs[their].to_numpy(float)
        known = np.isfinite(a) & np.isfinite(b) & (own["estimate"].to_numpy() != 0)
        assert known.mean() > 0.9
        np.testing.assert_allclose(a[known], b[known], rtol=1e-10, atol=1e-10, err_msg=f"{case} {mine}")


@pytest.mark.parametrize("form", ["hazard", "lifetable"])
@pytest.mark.parametrize("method", ["pp", "e2"])
def test_popepi(children: pd.DataFrame, cells: pd.DataFrame, method: str, form: str) -> None:
    """To 1e-7: popEpi moves its breaks by the root of the machine's precision, 1.5e-8 years."""
    table = LifeTable.from_frame(cells, qx="qx")
    theirs = pd.read_csv(FOLDER / "net_methods_popepi.csv")
    theirs = theirs[(theirs["method"] == method) & (theirs["form"] == form)]
    ours = net_survival(
        children[children["time"] > 0], table, method={"pp": "pohar-perme", "e2": "ederer2"}[method],
        form={"hazard": "person-time", "lifetable": "actuarial"}[form], compat="popepi",
        intervals=np.arange(1, 61) / 12, **COLUMNS,
    ).table  # fmt: skip
    theirs = theirs.assign(time=np.round(theirs["end"] * 12) / 12 * 365.25).set_index(["group", "time"])
    own = ours.assign(time=np.round(ours["time"] / 365.25 * 12) / 12 * 365.25).set_index(["group", "time"])
    both = own.join(theirs.add_suffix("_their"), how="inner")
    # Where all have died popEpi puts 0, from an interval on in which somebody was still at risk.
    both = both[both["estimate_their"] > 0]
    assert len(both) > 100
    assert both["events"].tolist() == both["deaths_their"].tolist()
    for mine, their in {
        "estimate": "estimate",
        "std_error": "std_err",
        "lower": "lower",
        "upper": "upper",
    }.items():
        np.testing.assert_allclose(both[mine], both[f"{their}_their"], rtol=1e-7, atol=1e-7, err_msg=mine)
