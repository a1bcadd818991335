"""A script of last week runs unchanged: the README's ten lines of November 2026, whatever the README says now.

The lines stand here word for word and are never brought up to date. Names and arguments that they use may warn of
their end, but not go, before 1.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TEN_LINES = """
import childsurv as cs

extracts = cs.demo.write_extracts(
    "registers", patients=5_000
)  # thirteen simulated registers, as registries send them
cohort = cs.concat(
    [
        cs.read_extract(
            f"registers/{row.file}", layout=row.layout, country=row.country, closing_date=row.closing_date
        )
        for row in extracts.manifest.itertuples()
    ]
)
life_table = cs.demo.life_table()
net = cs.net_survival(cohort, life_table, by="country")
print(net.at(years=[1, 3, 5]))
cs.plot.save(net.plot(years=10), "net_survival")
print(cs.cox(cohort, "country + age_group + sex", strata="iccc_group"))
"""


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_the_ten_lines_run_and_give_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(compile(TEN_LINES, "README.md", "exec"), made)
    said = capsys.readouterr().out
    assert "[39 rows x 9 columns]" in said
    assert "<CoxFit: 4,968 rows, 1,507 events, ties by Efron, stratified by iccc_group; 95% limits" in said
    assert "log-likelihood -9225.9595, without covariates -9356.4135" in said
    assert len(made["cohort"]) == 4_968
    at = made["net"].at(years=[1, 3, 5])
    assert list(at.columns) == [
        "country", "time", "at_risk", "events", "censored", "estimate", "std_error", "lower", "upper",
    ]  # fmt: skip
    first = at.iloc[:3]
    assert first["country"].tolist() == ["XBK"] * 3
    assert first["at_risk"].tolist() == [266, 210, 161]
    assert first["estimate"].tolist() == pytest.approx([0.877009, 0.779660, 0.726224], abs=5e-7)
    assert first["std_error"].tolist() == pytest.approx([0.018761, 0.024105, 0.026662], abs=5e-7)
    assert {"net_survival.png", "net_survival.svg"} <= {path.name for path in tmp_path.iterdir()}
