"""Every built-in layout on simulated files: no row lost, the truth comes back, each layout writes itself."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.demo.extracts import Extracts, write_extracts
from childsurv.errors import LayoutError, OptionError
from childsurv.extract.layout import FIELDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMED = {"childsurv", "russian"}


@pytest.fixture(scope="module", params=cs.layouts())
def extracts(request, tmp_path_factory) -> Extracts:
    return write_extracts(
        tmp_path_factory.mktemp(request.param), patients=1_500, seed=5, faults=False, layout=request.param
    )


def read(extracts, delivery, **options):
    country = None if delivery["layout"] in NAMED else delivery["country"]
    return cs.read_extract(
        extracts.folder / delivery["file"],
        layout=delivery["layout"],
        country=country,
        closing_date=delivery["closing_date"],
        **options,
    )


def test_patients_in_are_those_analysed_and_those_excluded(extracts):
    for _, delivery in extracts.manifest.iterrows():
        for profile in ("childsurv", "minimal"):
            cohort = read(extracts, delivery, exclude=profile)
            assert cohort.rows_read == delivery["patients"]
            assert cohort.rows_read == len(cohort) + cohort.exclusions["patients"].sum()


def test_no_error_findings_in_clean_files(extracts):
    for _, delivery in extracts.manifest.iterrows():
        cohort = read(extracts, delivery)
        assert len(cohort) == delivery["patients"], cohort.exclusions
        assert "error" not in set(cohort.findings["severity"])


def test_the_simulated_truth_comes_back(extracts):
    layout = extracts.manifest["layout"].iloc[0]
    exact_dates = layout in {"childsurv", "canreg5", "russian", "iicc3"}
    cohort = cs.concat([read(extracts, delivery) for _, delivery in extracts.manifest.iterrows()])
    data = cohort.data.set_index("patient_id").sort_index()
    truth = extracts.register.frame.set_index("patient_id").sort_index()
    assert data.index.equals(truth.index)
    for name in ("sex", "vital_status", "morphology", "behaviour"):
        assert (data[name].astype(str) == truth[name].astype(str)).all(), name
    assert (data["topography"].astype(str) == truth["topography"].astype(str)).all()
    days = (truth["last_contact_date"] - truth["diagnosis_date"]).dt.days
    if exact_dates or layout == "encr":
        assert (data["time"] == days).all()
    else:  # diagnosis is up to 16 days from the middle of its month, last contact up to 15 from that of its window
        assert ((data["time"] - days).abs() <= 31).all()
        assert abs((data["time"] - days).mean()) < 8
        assert set(data["contact_precision"]) == {"month"}
    within = (data["diagnosis_date"] - truth["diagnosis_date"]).dt.days.abs()
    assert (within <= (0 if exact_dates else 16)).all()
    if exact_dates:
        assert set(data["birth_precision"]) == set(data["date_precision"]) == {"day"}
    if layout == "seer":
        assert (data["age_years"] == pd.Series(cs.demo.forms.completed_years(truth), index=truth.index)).all()


def test_iicc3_files_of_the_demo_are_day_first_and_found_out(tmp_path):
    extracts = write_extracts(tmp_path, patients=300, seed=5, faults=False, layout="iicc3")
    cohort = read(extracts, extracts.manifest.iloc[0])
    assert cohort.provenance[0]["date_formats"]["diagnosis_date"] == ("%Y%d%m",)


def test_every_column_of_encr_is_known(tmp_path):
    extracts = write_extracts(tmp_path, patients=300, seed=5, faults=False, layout="encr")
    provenance = read(extracts, extracts.manifest.iloc[0]).provenance[0]
    assert provenance["columns_ignored"] == ()
    layout = cs.load_layout("encr")
    headers = [header for rule in layout.columns.values() for header in rule.all_headers]
    assert len({*headers, *layout.not_read}) == 39


def test_layouts_of_files_are_checked(tmp_path):
    with pytest.raises(
        OptionError,
        match=(
            "^layout='sas' is not a choice; use one of 'canreg5', 'childsurv', 'encr', 'iicc3', "
            r"'russian', 'seer'\.$"
        ),
    ):
        write_extracts(tmp_path, layout="sas")
    with pytest.raises(OptionError, match=r"^layout='seer' has no faults; give faults=False\.$"):
        write_extracts(tmp_path, layout="seer")


@pytest.mark.parametrize("name", cs.layouts())
def test_a_layout_writes_itself_and_describes_itself(name, tmp_path):
    layout = cs.load_layout(name)
    path = tmp_path / "own.toml"
    path.write_text(layout.to_toml(), encoding="utf-8")
    assert cs.load_layout(path) == layout
    text = layout.describe()
    for field, rule in layout.columns.items():
        assert FIELDS[field].meaning in text
        assert all(header in text for header in rule.all_headers)
    assert all(header in text for header in layout.not_read)


def test_a_label_after_a_code_and_the_first_of_several_headers(put):
    lines = [
        "Patient ID,Sex,Age recode with single ages and 90+,Year of diagnosis,Primary Site - labeled,Primary Site,"
        "ICD-O-3 Hist/behav,Survival months,Vital status recode (study cutoff used),Type of Reporting Source,"
        "Month of diagnosis",
        '1,Male,04 years,2010,"C71.6-Cerebellum, NOS",716,"9470/3: Medulloblastoma, NOS",0024,Alive,1,May',
        '2,Female,00 years,2011,"C64.9-Kidney, NOS",649,9500/3: X,0000,Dead,Autopsy only,12',
        '3,Female,90+ years,2011,"C64.9-Kidney, NOS",649,9500/3: X,9999,Dead,7,Blank(s)',
        '4,Female,05 years,2012,"C64.9-Kidney, NOS",649,8960/3: X,9999,Alive,3,Blank(s)',
    ]
    cohort = cs.read_extract(
        put("\n".join(lines)), layout="seer", closing_date="2015-12-31", exclude="minimal", age_band=None
    )
    found = {
        (row, code) for row, code in zip(cohort.findings["row_number"], cohort.findings["code"], strict=True)
    }
    first, second = cohort.data.to_dict("records")
    assert (first["iccc_subgroup"], first["age_years"], first["time"]) == ("IIIc", 4, 745)
    assert (second["autopsy"], second["dco"], second["event"]) == (True, False, 1)
    assert {
        (4, "age-unreadable"),
        (4, "dco"),
        (4, "birth-date-missing"),
        (5, "last-contact-date-missing"),
    } <= found
    # 24 completed months are 731 to 760 days: 745 is the midpoint, wherever in May the diagnosis was.
    assert np.ceil(24 * 365.24 / 12) == 731


@pytest.mark.parametrize("change", ["label_after = 3", 'take_first = "yes"'])
def test_wrong_keys(tmp_path, change):
    path = tmp_path / "own.toml"
    path.write_text(
        f'extends = "encr"\n[columns.sex]\nheaders = ["Sex"]\nread = "code"\nvalues = {{ "1" = "male" }}\n{change}\n'
    )
    with pytest.raises(LayoutError, match=change.split()[0]):
        cs.load_layout(path)


def test_every_layout_of_the_page_loads(tmp_path):
    page = (DOCS / "layouts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, flags=re.S)
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        path = tmp_path / f"block{number}.toml"
        path.write_text(block, encoding="utf-8")
        layout = cs.load_layout(path)
        assert layout.name == tomllib.loads(block).get("name", layout.name)
    assert all(f"`{name}`" in page for name in cs.layouts())
