"""Proposed layouts: the file is read as by the true layout, sureness is honest, and no value of a patient is shown."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.demo.extracts import write_extracts
from childsurv.errors import ChildsurvError, DataError, LayoutError

CLOSING = "2020-12-31"

ENGLISH = {
    "patient_id": "Child ID", "tumour_id": "Tumour No", "country": "Country name", "registry": "Region",
    "sex": "Gender", "birth_date": "DOB", "diagnosis_date": "Date of diagnosis", "age_years": "Age at diagnosis",
    "topography": "Primary site", "morphology": "Histology code", "behaviour": "Beh", "basis": "Basis of diagnosis",
    "grade": "Differentiation", "stage": "Stage at diagnosis", "stage_system": "System",
    "last_contact_date": "Last follow-up", "vital_status": "Status", "cause_of_death": "COD",
    "dco": "Death certificate only", "autopsy": "Found at autopsy",
}  # fmt: skip
LATIN = {
    "patient_id": "nomer_pacienta", "tumour_id": "id_opuholi", "country": "strana", "registry": "registr",
    "sex": "pol", "birth_date": "data_rozhd", "diagnosis_date": "data_diagnoza", "age_years": "vozrast",
    "topography": "topografiya", "morphology": "morfologiya", "behaviour": "harakter_opuholi", "basis": "verifikaciya",
    "grade": "stepen", "stage": "stadiya", "stage_system": "sistema", "last_contact_date": "data_kontakta",
    "vital_status": "ishod", "cause_of_death": "prichina_smerti", "dco": "dco", "autopsy": "autopsy_flag",
}  # fmt: skip
RUSSIAN = {
    "patient_id": "Код пациента", "tumour_id": "Код опухоли", "country": "Республика", "registry": "Регион проживания",
    "sex": "Пол ребёнка", "birth_date": "Дата рожд.", "diagnosis_date": "Дата установления DS",
    "age_years": "Возраст, лет", "topography": "Код локализации", "morphology": "Гистология",
    "behaviour": "Характер роста", "basis": "Метод верификации", "grade": "Степень злокачественности",
    "stage": "Стадия заболевания", "stage_system": "Система", "last_contact_date": "Дата последней явки",
    "vital_status": "Исход", "cause_of_death": "Код причины смерти", "dco": "ТСС", "autopsy": "Вскрытие",
}  # fmt: skip


@pytest.fixture(scope="module")
def extracts(tmp_path_factory):
    return write_extracts(tmp_path_factory.mktemp("extracts"), patients=4_000, seed=2, faults=False)


@pytest.fixture(scope="module")
def table(extracts):
    """The largest extract in the layout childsurv, and the cohort it gives."""
    rows = extracts.manifest.query("layout == 'childsurv'").sort_values("rows").iloc[-1]
    path = extracts.folder / rows["file"]
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding=rows["encoding"])
    return frame, cs.read_extract(path, layout="childsurv", closing_date=CLOSING)


@pytest.mark.parametrize("place", range(13))
def test_simulated_extracts_are_known_by_their_layouts(extracts, place):
    row = extracts.manifest.iloc[place]
    path = extracts.folder / row["file"]
    suggestion = cs.suggest_layout(path)
    assert suggestion.name == row["layout"]
    assert suggestion.missing == ()
    options = {"closing_date": CLOSING, "country": None if row["layout"] in {"childsurv", "russian"} else "X"}
    true = cs.read_extract(path, layout=row["layout"], **options)
    pd.testing.assert_frame_equal(cs.read_extract(path, layout=suggestion.layout, **options).data, true.data)


def dated(frame, style):
    changed = frame.copy()
    for name in ("birth_date", "diagnosis_date", "last_contact_date"):
        changed[name] = pd.to_datetime(frame[name]).dt.strftime(style)
    return changed


def compare(path, true, tmp_path, **options):
    """Write the proposal, load it, read the file by it, and compare with the truth."""
    suggestion = cs.suggest_layout(path, **options)
    assert suggestion.missing == (), suggestion.toml
    written = suggestion.write(tmp_path / "layout.toml")
    assert cs.load_layout(written) == cs.load_layout(suggestion.layout)
    cohort = cs.read_extract(path, layout=written, closing_date=CLOSING, **options)
    columns = [name for name in true.data.columns if name not in {"stage_system", "source_row"}]
    pd.testing.assert_frame_equal(cohort.data[columns], true.data[columns])
    return suggestion


@pytest.mark.parametrize(
    ("names", "style", "separator", "encoding"),
    [
        (ENGLISH, "%d/%m/%Y", ";", "utf-8"),
        (ENGLISH, "%m/%d/%Y", ",", "utf-8-sig"),
        (ENGLISH, "%Y%m%d", "\t", "utf-16"),
        (ENGLISH, "%Y%d%m", "|", "utf-8"),
        (LATIN, "%d.%m.%Y", ";", "cp1251"),
        (LATIN, "%d%b%Y", ",", "utf-8"),
        (RUSSIAN, "%d.%m.%Y", ";", "cp1251"),
        (RUSSIAN, "%d.%m.%Y", "\t", "koi8-r"),
        (RUSSIAN, "%Y-%m-%d", ";", "cp866"),
    ],
)
def test_renamed_headers_in_other_styles(table, tmp_path, names, style, separator, encoding):
    frame, true = table
    path = tmp_path / "extract.txt"
    renamed = dated(frame, style).rename(columns=names)
    path.write_bytes(renamed.to_csv(index=False, sep=separator).encode(encoding))
    suggestion = compare(path, true, tmp_path)
    assert "certain" in set(suggestion.table["sureness"])
    assert f'headers = ["{names["sex"]}"]' in suggestion.toml


def test_a_workbook_with_a_title_above_its_headers(table, tmp_path):
    frame, true = table
    path = tmp_path / "extract.xlsx"
    with pd.ExcelWriter(str(path), engine="openpyxl") as writer:
        frame.rename(columns=ENGLISH).to_excel(writer, index=False, startrow=3)
        writer.sheets["Sheet1"]["A1"] = "Report (simulated)"
    suggestion = compare(path, true, tmp_path)
    assert "header_line = 4" in suggestion.toml


def test_a_file_of_stata(table, tmp_path):
    import pyreadstat

    frame, true = table
    path = tmp_path / "extract.dta"
    pyreadstat.write_dta(frame.rename(columns=LATIN), str(path))
    compare(path, true, tmp_path)


def test_codes_that_must_be_confirmed_are_guesses(table, tmp_path):
    frame, _ = table
    sex, status = {"male": "1", "female": "2"}, {"alive": "1", "dead": "2"}
    coded = frame.assign(sex=frame["sex"].map(sex), vital_status=frame["vital_status"].map(status))
    path = tmp_path / "extract.csv"
    coded.rename(columns=ENGLISH).to_csv(path, index=False)
    suggestion = cs.suggest_layout(path)
    block = suggestion.toml[: suggestion.toml.index("[columns.vital_status]")].rpartition("\n\n")[2]
    assert block.startswith("# guess")
    assert "confirm each of these codes" in block
    table = suggestion.table.set_index("field")
    assert table.loc["vital_status", "sureness"] == "guess"
    assert "confirm" in table.loc["vital_status", "reason"]


def test_strange_codes_are_named_and_rare_ones_are_not(table, tmp_path):
    frame, _ = table
    path = tmp_path / "extract.csv"
    status = np.where(np.arange(len(frame)) % 7 == 0, "emigrated", frame["vital_status"])
    frame.assign(vital_status=status).rename(columns=ENGLISH).to_csv(path, index=False)
    assert '"emigrated"' in cs.suggest_layout(path).toml
    status[0] = "moved to Aunt Simulata"
    frame.assign(vital_status=status).rename(columns=ENGLISH).to_csv(path, index=False)
    text = cs.suggest_layout(path).toml
    assert "Simulata" not in text
    assert "emigrated" not in text
    assert "2 codes have no meaning" in text


def test_ambiguous_dates_and_two_digit_years_are_not_decided(table, tmp_path):
    frame, _ = table
    early = frame.assign(
        birth_date="03/04/2001", diagnosis_date="05/06/2003", last_contact_date="07/08/2009"
    ).rename(columns=ENGLISH)
    path = tmp_path / "extract.csv"
    early.to_csv(path, index=False)
    suggestion = cs.suggest_layout(path)
    assert "the whole file decides or is refused" in re.sub(r"\s+#?\s*", " ", suggestion.toml).replace(
        "# ", ""
    )
    with pytest.raises(
        LayoutError,
        match=(
            "^Layout extract allows day and month in either order, and the dates of this file "
            r"\(birth_date, diagnosis_date, last_contact_date\) prove neither: all 1,014 values can be "
            r"read as %d/%m/%Y and as %m/%d/%Y\. %d/%m/%Y writes 5 March 2010 as 05/03/2010; %m/%d/%Y "
            r"writes 5 March 2010 as 03/05/2010\. Ask the registry, and read the file with "
            r"date_formats=\['%d/%m/%Y'\] or date_formats=\['%m/%d/%Y'\]\.$"
        ),
    ):
        cs.read_extract(path, layout=suggestion.layout, closing_date=CLOSING)
    dated(frame, "%d.%m.%y").rename(columns=ENGLISH).to_csv(path, index=False)
    short = cs.suggest_layout(path)
    assert short.layout is None
    assert any("pivot" in what for what in short.missing)
    written = short.write(tmp_path / "short.toml")
    with pytest.raises(LayoutError, match="pivot"):
        cs.load_layout(written)
    with pytest.raises(FileExistsError):
        short.write(written)


def test_what_is_missing_is_said(table, tmp_path):
    frame, _ = table
    path = tmp_path / "extract.csv"
    frame.drop(columns=["vital_status", "topography"]).rename(columns=ENGLISH).to_csv(path, index=False)
    suggestion = cs.suggest_layout(path)
    assert suggestion.layout is None
    assert any(what.startswith("vital_status") for what in suggestion.missing)
    assert any("topography or icd10" in what for what in suggestion.missing)
    assert "missing: " in repr(suggestion)


def test_two_headers_for_one_field_are_both_named(table, tmp_path):
    frame, _ = table
    path = tmp_path / "extract.csv"
    frame.rename(columns=ENGLISH).assign(Birthday=frame["birth_date"]).to_csv(path, index=False)
    text = cs.suggest_layout(path).toml
    assert "# competes" in text
    assert '"DOB"' in text
    assert '"Birthday"' in text


def test_no_value_of_a_patient_is_said(table, tmp_path):
    frame, _ = table
    path = tmp_path / "extract.csv"
    marked = frame.assign(patient_id=[f"SECRET{number}" for number in range(len(frame))])
    marked.rename(columns=ENGLISH).to_csv(path, index=False)
    suggestion = cs.suggest_layout(path)
    said = suggestion.toml + suggestion.table.to_string() + repr(suggestion)
    assert "SECRET" not in said
    assert not set(re.findall(r"\d{4}-\d{2}-\d{2}", said))


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", DataError), (b"\n\n", ChildsurvError), (b"P1;2001-02-03;1\nP2;2002-03-04;2\n", LayoutError)],
)
def test_files_without_headers_are_refused(tmp_path, content, error):
    path = tmp_path / "extract.csv"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        cs.suggest_layout(path)
    assert "2001" not in str(caught.value)
    with pytest.raises(ChildsurvError, match="no file"):
        cs.suggest_layout(tmp_path / "none.csv")
