"""Files as registries send them: readable in their encodings, every listed fault in its row."""

from __future__ import annotations

import codecs
import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv import demo
from childsurv.cohort.cohort import Cohort
from childsurv.demo.extracts import Extracts, write_extracts
from childsurv.demo.faults import FAULT_KINDS
from childsurv.demo.forms import SEPARATORS
from childsurv.errors import OptionError
from childsurv.extract import load_layout, read_extract
from childsurv.extract.rules import rules
from childsurv.lifetable.table import LifeTable

UNUSUAL = {code for code, rule in rules().items() if rule.when and rule.excludes == "optional"}
"""Checks of what is rare, as some children of a register are."""

ONCE = {"contact-after-closing", "dates-placed"}
"""Checks that report a number of rows for the file, not each row."""


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Extracts:
    return write_extracts(tmp_path_factory.mktemp("extracts"), patients=20_000, seed=1)


def lines_of(extracts: Extracts, delivery: pd.Series) -> list[list[str]]:
    with (extracts.folder / delivery["file"]).open(encoding=delivery["encoding"], newline="") as stream:
        return list(csv.reader(stream, delimiter=SEPARATORS[delivery["separator"]]))


def read(extracts: Extracts, delivery: pd.Series) -> Cohort:
    country = delivery["country"] if delivery["layout"] in {"encr", "canreg5"} else None
    return read_extract(
        extracts.folder / delivery["file"],
        layout=delivery["layout"],
        country=country,
        closing_date=delivery["closing_date"],
    )


def test_thirteen_files_in_four_layouts(extracts: Extracts) -> None:
    manifest = pd.read_csv(extracts.folder / "manifest.csv")
    assert len(manifest) == 13
    assert set(manifest["layout"]) == {"childsurv", "encr", "canreg5", "russian"}
    assert all(path.is_file() for path in extracts.paths)
    assert extracts.manifest["patients"].sum() == 20_000
    assert manifest["file"].str.startswith("simulated_").all()
    assert manifest["name"].str.endswith("(simulated)").all()


def test_files_are_in_their_encodings(extracts: Extracts) -> None:
    for _, delivery in extracts.manifest.iterrows():
        raw = (extracts.folder / delivery["file"]).read_bytes()
        assert raw.startswith(codecs.BOM_UTF8) == (delivery["encoding"] == "utf-8-sig")
        text = raw.decode(delivery["encoding"])
        if delivery["encoding"] == "cp1251":
            with pytest.raises(UnicodeDecodeError):
                raw.decode("utf-8")
        if delivery["layout"] == "russian":
            assert re.search("[А-Яа-я]", text.splitlines()[0])
            assert re.search(r";\d+,\d;", text)
            assert re.search(r";\d\d\.\d\d\.\d{4};", text)


def test_rows_have_the_fields_of_the_header_except_where_that_is_the_fault(extracts: Extracts) -> None:
    faults = extracts.faults
    for _, delivery in extracts.manifest.iterrows():
        lines = lines_of(extracts, delivery)
        assert len(lines) == delivery["rows"] + 1
        odd = [number for number, line in enumerate(lines, start=1) if len(line) != len(lines[0])]
        stray = faults[(faults["file"] == delivery["file"]) & (faults["kind"] == "stray-separator")]
        assert odd == stray["row_number"].tolist()


def test_headers_are_those_of_the_layouts(extracts: Extracts) -> None:
    for _, delivery in extracts.manifest.iterrows():
        layout = load_layout(delivery["layout"])
        header = lines_of(extracts, delivery)[0]
        assert layout.file.separator == SEPARATORS[delivery["separator"]]
        known = {name for rule in layout.columns.values() for name in rule.all_headers}
        if delivery["layout"] in {"childsurv", "russian"}:
            assert set(header) <= known
        else:
            assert len(set(header) & known) > 10


def test_encr_columns_are_in_the_published_order(extracts: Extracts, shared: Path) -> None:
    published = pd.read_csv(shared / "facts" / "encr_incidence_layout.csv")["column"].tolist()
    delivery = extracts.manifest[extracts.manifest["layout"] == "encr"].iloc[0]
    assert lines_of(extracts, delivery)[0] == published


def test_every_kind_of_fault_occurs_in_under_one_percent_of_rows(extracts: Extracts) -> None:
    faults = extracts.faults
    assert set(faults["kind"]) == {kind.name for kind in FAULT_KINDS}
    assert faults["kind"].value_counts().min() >= 4
    assert 0.005 < len(faults) / extracts.manifest["rows"].sum() < 0.010
    assert not faults.duplicated(["file", "row_number"]).any()
    pd.testing.assert_frame_equal(
        pd.read_csv(extracts.folder / "truth_faults.csv", keep_default_na=False).astype(str),
        faults.astype(object).where(faults.notna(), "").astype(str),
    )


LOOKS = {
    "unreadable-date": r"\d{4}-02-30|\d{4}0230|30\.02\.\d{4}|13",
    "missing-diagnosis-date": r"|99",
    "imprecise-date": r"\d{4}-\d\d|\d{6}99|00\.\d\d\.\d{4}",
    "unknown-sex": r"unknown|9|не указан",
    "unknown-vital-status": r"unknown|9|н/д",
    "dco": r"0|только свидетельство о смерти",
    "autopsy": r"true|1|да",
    "in-situ": r"2|in situ",
    "not-classified": r"C77\.?9|779",
    "unreadable-code": r"\d\d\?\d",
    "look-alike-letter": "\u0421" + r"\d\d\.?\d",
    "sex-site": r"C56\.?9|C62\.?1|569|621",
}
"""What the text of a fault looks like in one layout or another."""


def test_every_listed_fault_stands_in_its_row(extracts: Extracts) -> None:
    for _, delivery in extracts.manifest.iterrows():
        lines = lines_of(extracts, delivery)
        place = {name: number for number, name in enumerate(lines[0])}
        mine = extracts.faults[extracts.faults["file"] == delivery["file"]]
        for fault in mine.itertuples():
            row = lines[fault.row_number - 1]
            assert row[0] == fault.patient_id
            if fault.kind in LOOKS:
                assert re.fullmatch(LOOKS[fault.kind], row[place[fault.header]]), (
                    fault.kind,
                    delivery["file"],
                )
            if fault.kind == "duplicate":
                assert row == lines[fault.other_row - 1]
            if fault.kind in {"renumbered-duplicate", "second-tumour"}:
                other = lines[fault.other_row - 1]
                assert row[0] == other[0]
                assert row[place[fault.header]] != other[place[fault.header]]


def test_reader_finds_every_fault_at_its_row_and_nothing_else(extracts: Extracts) -> None:
    for _, delivery in extracts.manifest.iterrows():
        cohort = read(extracts, delivery)
        faults = extracts.faults[extracts.faults["file"] == delivery["file"]]
        findings = cohort.findings.astype({"code": object})
        seen = set(zip(findings["row_number"], findings["code"], strict=True))
        single = faults[~faults["code"].isin({"", *ONCE})]
        wanted = set(zip(single["row_number"], single["code"], strict=True))
        assert wanted <= seen, (delivery["file"], wanted - seen)
        # No finding concerns a row without a fault; a copy's fault may be reported with its original.
        common = findings[~findings["code"].isin(UNUSUAL)]
        concerned = set(common.loc[common["row_number"] > 0, "row_number"])
        assert concerned <= set(faults["row_number"]), delivery["file"]
        counted = findings.set_index("code")["count"]
        late = int((faults["kind"] == "contact-after-closing").sum())
        assert counted.get("contact-after-closing", 0) == late
        if delivery["layout"] != "encr":  # where every date is to be placed
            assert counted.get("dates-placed", 0) == (faults["kind"] == "imprecise-date").sum()


def test_rows_are_kept_or_left_out_as_the_truth_says(extracts: Extracts) -> None:
    for _, delivery in extracts.manifest.iterrows():
        cohort = read(extracts, delivery)
        faults = extracts.faults[extracts.faults["file"] == delivery["file"]]
        out = set(faults.loc[faults["outcome"] == "excluded", "row_number"])
        lines = set(range(2, delivery["rows"] + 2))
        assert set(cohort.data["source_row"]) == lines - out, delivery["file"]


def test_repaired_letters_give_the_code(extracts: Extracts) -> None:
    faults = extracts.faults
    data = extracts.register.data.set_index("patient_id")["topography"]
    repaired = faults[faults["kind"] == "look-alike-letter"]
    for file, rows in repaired.groupby("file"):
        delivery = extracts.manifest.set_index("file", drop=False).loc[file]
        read_back = read(extracts, delivery).data.set_index("source_row")["topography"].astype(object)
        expected = data[rows["patient_id"]].tolist()
        assert read_back[rows["row_number"]].tolist() == expected


def test_read_back_data_are_the_registers(extracts: Extracts) -> None:
    data = extracts.register.data.set_index("patient_id")
    truth = extracts.register.truth.patients.set_index("patient_id")
    changed = set(extracts.faults["patient_id"])
    for _, delivery in extracts.manifest.iterrows():
        cohort = read(extracts, delivery)
        got = cohort.with_columns(demo.model_columns(cohort.data)).data
        got = got[~got["patient_id"].isin(changed)].set_index("patient_id")
        own, true = data.loc[got.index], truth.loc[got.index]
        days = (own["last_contact_date"] - own["diagnosis_date"]).dt.days
        for name, expected in {
            "iccc_subgroup": true["iccc_subgroup"],
            "stage_class": true["stage_class"],
            "sex": own["sex"],
            "age_group": true["age_group"],
            "country": own["country"],
            "time": days,
            "event": (own["vital_status"] == "dead").astype(int),
            "basis": own["basis"],
        }.items():
            assert (got[name].astype(str) == expected.astype(str)).all(), (delivery["file"], name)


def test_expected_codes_are_rules_of_the_reader() -> None:
    known = rules()
    for kind in FAULT_KINDS:
        assert not kind.code or kind.code in known, kind.name
        if kind.code:
            assert (known[kind.code].excludes in {"always", "default"}) == (kind.outcome == "excluded"), (
                kind.name
            )


def test_without_faults_nothing_is_left_out(tmp_path: Path) -> None:
    clean = write_extracts(tmp_path, patients=1_500, seed=3, faults=False)
    assert clean.faults.empty
    for _, delivery in clean.manifest.iterrows():
        cohort = read(clean, delivery)
        assert len(cohort) == delivery["rows"] == delivery["patients"]
        assert set(cohort.findings["code"].astype(object)) <= {"same-day", "dates-placed"} | UNUSUAL


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_extracts(tmp_path / name, patients=400, seed=9)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_life_tables_file_is_the_life_table(extracts: Extracts) -> None:
    cells = pd.read_csv(extracts.life_tables, dtype={"country": str, "sex": str})
    assert cells.columns.tolist() == ["country", "sex", "year", "age", "mx"]
    table = LifeTable.from_frame(cells, by="country", mx="mx")
    assert table.digest == extracts.register.life_table.digest == demo.life_table().digest


def test_truth_is_written_beside_the_extracts(extracts: Extracts) -> None:
    summary = json.loads((extracts.folder / "truth.json").read_text(encoding="utf-8"))
    assert summary["simulated"] is True
    assert summary["patients"] == 20_000
    assert sum(summary["faults"].values()) == len(extracts.faults)
    assert "SIMULATED" in (extracts.folder / "README.txt").read_text(encoding="utf-8")
    survival = pd.read_csv(extracts.folder / "truth_survival.csv")
    whole = survival[survival[["country", "iccc_group", "period"]].isna().all(axis=1)]
    expected = extracts.register.truth.net_survival([1, 3, 5, 10])["net_survival"]
    np.testing.assert_allclose(whole["net_survival"], expected, rtol=1e-12)
    effects = pd.read_csv(extracts.folder / "truth_effects.csv", keep_default_na=False)
    assert effects["term"].tolist() == extracts.register.truth.log_hazard_ratios["term"].tolist()
    patients = pd.read_csv(extracts.folder / "truth_patients.csv", usecols=["patient_id", "iccc_subgroup"])
    assert len(patients) == 20_000


def test_few_countries_give_few_files(tmp_path: Path) -> None:
    extracts = write_extracts(tmp_path, patients=60, seed=1, countries=["XOD", "XBK"])
    assert extracts.manifest["country"].tolist() == ["XBK", "XOD"]
    assert "2 files" in repr(extracts)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(OptionError, match="folder"):
        write_extracts(tmp_path / "taken", patients=10)
