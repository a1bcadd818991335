"""From file to cohort: layouts, injected faults, the law that nothing is lost, no patient value in words."""

from __future__ import annotations

import datetime as dt
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.cohort.cohort import CANONICAL_COLUMNS
from childsurv.errors import ChildsurvError, DataError, LayoutError, OptionError
from childsurv.extract import data_quality, read_extract, write_extract
from childsurv.extract.rules import rules
from childsurv.extract.together import concat

CLOSING = "2020-12-31"
OPTIONS = {"layout": "childsurv", "closing_date": CLOSING}


def add_days(date, days):
    return str(np.datetime64(date) + np.timedelta64(days, "D"))


WILMS = {"topography": "C64.9", "morphology": "8960", "behaviour": "3"}

ASTROCYTOMA = {"topography": "C71.1", "morphology": "9421", "behaviour": "1"}

FAULTS = {
    "birth-date-unreadable": lambda row: row | {"birth_date": "31.02.2010"},
    "birth-date-missing": lambda row: row | {"birth_date": ""},
    "birth-date-out-of-range": lambda row: row | {"birth_date": "1890-01-01"},
    "diagnosis-date-unreadable": lambda row: row | {"diagnosis_date": "2010-02-30"},
    "diagnosis-date-missing": lambda row: row | {"diagnosis_date": ""},
    "diagnosis-date-out-of-range": lambda row: row | {"diagnosis_date": "2999-01-01"},
    "last-contact-date-unreadable": lambda row: row | {"last_contact_date": "10-05-07"},
    "last-contact-date-missing": lambda row: row | {"last_contact_date": ""},
    "last-contact-date-out-of-range": lambda row: row | {"last_contact_date": "9999-12-31"},
    "diagnosis-before-birth": lambda row: row | {"birth_date": add_days(row["diagnosis_date"], 1)},
    "last-contact-before-diagnosis": lambda row: (
        row | {"last_contact_date": add_days(row["diagnosis_date"], -1)}
    ),
    "age-out-of-band": lambda row: (
        row | ASTROCYTOMA | {"birth_date": add_days(row["diagnosis_date"], -9_000)}
    ),
    "age-contradicts-dates": lambda row: row | {"age_years": "77"},
    "age-unreadable": lambda row: row | {"age_years": "x"},
    "sex-missing": lambda row: row | {"sex": ""},
    "sex-unreadable": lambda row: row | {"sex": "3"},
    "sex-topography": lambda row: (
        row | {"sex": "male", "topography": "C56.9", "morphology": "9060", "behaviour": "3"}
    ),
    "topography-missing": lambda row: row | {"topography": ""},
    "topography-unreadable": lambda row: row | {"topography": "C81.0"},
    "morphology-missing": lambda row: row | {"morphology": ""},
    "morphology-unreadable": lambda row: row | {"morphology": "123"},
    "behaviour-missing": lambda row: row | {"behaviour": ""},
    "behaviour-unreadable": lambda row: row | {"behaviour": "5"},
    "in-situ": lambda row: row | WILMS | {"behaviour": "2"},
    "behaviour-not-primary": lambda row: row | {"behaviour": "6"},
    "non-malignant-outside-cns": lambda row: (
        row | {"topography": "C64.9", "morphology": "8960", "behaviour": "0"}
    ),
    "not-classified": lambda row: row | {"topography": "C77.9", "morphology": "8140", "behaviour": "3"},
    "dco": lambda row: row | WILMS | {"basis": "0"},
    "topography-behaviour": lambda row: row | {"topography": "C71.1", "morphology": "9421", "behaviour": "2"},
    "basis-morphology": lambda row: (
        row | {"basis": "1", "topography": "C71.6", "morphology": "9470", "behaviour": "3"}
    ),
    "grade-morphology": lambda row: (
        row | {"grade": "5", "topography": "C42.1", "morphology": "9811", "behaviour": "3"}
    ),
    "grade-cell-type": lambda row: row | WILMS | {"grade": "5"},
    "grade-non-malignant": lambda row: (
        row | {"grade": "1", "topography": "C71.1", "morphology": "9421", "behaviour": "1"}
    ),
    "age-morphology": lambda row: row | WILMS | {"birth_date": add_days(row["diagnosis_date"], -17 * 365)},
    "age-topography": lambda row: (
        row
        | {"sex": "female", "topography": "C53.9", "morphology": "8910", "behaviour": "3"}
        | {"birth_date": add_days(row["diagnosis_date"], -3 * 365)}
    ),
    "age-topography-morphology": lambda row: (
        row
        | {"topography": "C69.2", "morphology": "9510", "behaviour": "3"}
        | {"birth_date": add_days(row["diagnosis_date"], -8 * 365)}
    ),
    "age-90-or-more": lambda row: (
        row | ASTROCYTOMA | {"birth_date": add_days(row["diagnosis_date"], -33_500)}
    ),
    "autopsy": lambda row: row | {"autopsy": "yes"},
    "vital-status-missing": lambda row: row | {"vital_status": ""},
    "vital-status-unreadable": lambda row: row | {"vital_status": "lost"},
    "patient-id-missing": lambda row: row | {"patient_id": ""},
    "basis-unreadable": lambda row: row | {"basis": "3"},
    "grade-unreadable": lambda row: row | {"grade": "11"},
    "dco-unreadable": lambda row: row | {"dco": "?"},
    "autopsy-unreadable": lambda row: row | {"autopsy": "?"},
    "icd10-unreadable": lambda row: row | {"icd10": "cancer"},
    "icd10-contradicts-morphology": lambda row: (
        row | {"icd10": "C91.0", "topography": "C64.9", "morphology": "8960", "behaviour": "3"}
    ),
    "icd10-not-mapped": lambda row: (
        row | {"icd10": "C80", "topography": "", "morphology": "", "behaviour": ""}
    ),
    "stage-not-valid": lambda row: (
        row
        | {
            "stage": "5",
            "stage_system": "toronto",
            "topography": "C64.9",
            "morphology": "8960",
            "behaviour": "3",
        }
    ),
}


def spoil(rows, faults):
    """Put faults into rows, given as row position to rule code."""
    records = rows.assign(icd10="", stage_system="").to_dict("records")
    for place, code in faults.items():
        records[place] = FAULTS[code](records[place])
    return pd.DataFrame(records, dtype=object)


KIN = {"topography-behaviour": "in-situ", "age-90-or-more": "age-out-of-band"}
"""Faults that cannot be without another."""


def with_kin(faults):
    """Pairs of row and code, with those of the faults that come with others."""
    return [*faults.items(), *((place, KIN[code]) for place, code in faults.items() if code in KIN)]


def listed(cohort):
    table = cohort.findings
    return {(row, code) for row, code in zip(table["row_number"], table["code"], strict=True) if row > 0}


def nothing_lost(cohort, rows):
    return cohort.rows_read == rows == len(cohort) + int(cohort.exclusions["patients"].sum())


def test_clean_rows_give_no_finding_by_row(clean_rows):
    cohort = read_extract(clean_rows(300), **OPTIONS)
    assert listed(cohort) == set()
    assert len(cohort) == 300
    assert set(cohort.data.columns) == set(CANONICAL_COLUMNS) - {"icd10", "link_token"}
    assert not cohort.data.isna().any().any()
    times = (cohort.data["last_contact_date"] - cohort.data["diagnosis_date"]).dt.days
    assert (cohort.data["time"] == times).all()
    assert (cohort.data["event"] == (cohort.data["vital_status"] == "dead")).all()


@given(st.data())
def test_faults_in_random_rows_are_found_with_their_row_numbers(clean_rows, data):
    size = data.draw(st.integers(1, 60))
    faults = data.draw(
        st.dictionaries(st.integers(0, size - 1), st.sampled_from(sorted(FAULTS)), max_size=20)
    )
    cohort = read_extract(spoil(clean_rows(size), faults), **OPTIONS)
    assert listed(cohort) == {(place + 1, code) for place, code in with_kin(faults)}
    assert nothing_lost(cohort, size)
    left_out = [code for _, code in with_kin(faults) if rules()[code].excludes in {"always", "default"}]
    assert cohort.exclusions.groupby("rule")["patients"].sum().to_dict() == (
        pd.Series(left_out, dtype=object).value_counts().to_dict()
    )
    assert not cohort.data.isna().any().any()
    assert (data_quality(cohort)["rows_read"].sum()) == size


def test_records_of_wrong_length_are_left_out(clean_rows, put):
    lines = clean_rows(4).to_csv(index=False).splitlines()
    lines[2] = lines[2].replace("Xenia", "Xenia,X")
    lines[4] = ",".join(lines[4].split(",")[:9])
    cohort = read_extract(put("\n".join(lines)), **OPTIONS)
    # Nothing else is reported of values that may be in wrong columns, and none becomes a country.
    assert listed(cohort) == {(3, "record-length"), (5, "record-length")}
    assert set(cohort.exclusions["country"]) == {"unknown"}
    assert cohort.data["source_row"].tolist() == [2, 4]
    assert nothing_lost(cohort, 4)


ENCR = (
    "PAT;MoB;YoB;Age;Sex;TUM;MoI;YoI;BoD;Topo;Morpho;Beh;Grade;Autopsy;Vit_stat;MoF;YoF;Surv_time;CoD;Stage\n"
    "a;5;2010;1;1;1;5;2012;7;C716;9470;3;9;0;2;6;2012;30;C71;2\n"
    "b;3;2008;4;2;1;7;2012;7;C421;9811;3;6;9;3;7;2015;;;\n"
    "c;99;2008;;2;1;7;2012;7;C421;9811;3;6;9;1;7;2015;1095;R99;\n"
    "d;3;2008;4;2;1;7;2012;7;C421;9811;3;6;9;1;7;2015;2000;;\n"
    "e;3;2008;4;2;1;7;2012;7;C421;9811;3;6;9;1;7;2015;-3;;\n"
)


def test_encr_layout(put):
    cohort = read_extract(put(ENCR), layout="encr", country="Xenia", registry="North", closing_date=CLOSING)
    first, second, third = cohort.data.to_dict("records")
    # Surv_time is exact: diagnosis lies in May and 30 days before a day of June, so from 2 May to 31 May.
    assert first["diagnosis_date"] == pd.Timestamp("2012-05-16")
    assert (first["time"], first["event"], first["date_precision"]) == (30, 1, "month")
    # At age 1 the second birthday was still to come after 16 May.
    assert (first["birth_date"], first["age_years"]) == (pd.Timestamp("2010-05-24"), 1)
    # Without Surv_time the months decide: 16 July to 16 July.
    assert (second["time"], second["event"], second["vital_status"]) == (1095, 0, "alive")
    assert second["stage"] == "unknown"
    assert third["birth_date"] == pd.Timestamp("2008-07-01")
    assert third["time"] == 1095
    assert third["cause_of_death"] == "unknown"
    assert listed(cohort) == {(5, "survival-time-contradicts-dates"), (6, "survival-time-unreadable")}
    assert nothing_lost(cohort, 5)
    assert cohort.data["country"].unique().tolist() == ["Xenia"]
    assert cohort.data["stage_system"].unique().tolist() == ["encr"]


CANREG = (
    "PatientID\tTumourID\tSex\tBirthDate\tIncidenceDate\tAge\tTopography\tMorphology\tBehaviour\tBasisDiagnosis\t"
    "Grade\tStage\tLastcontact\tVitalStatus\tICCC\n"
    "a\t1\t1\t20100301\t20120501\t2\t716\t9470\t3\t7\t9\t\t20150501\t1\t\n"
    "b\t1\t2\t20100399\t20129999\t99\t421\t9811\t3\t7\t9\t\t20130211\t2\t\n"
    "c\t1\t2\t99999999\t20120501\t4\t649\t8960\t3\t3\t9\t\t20130211\t2\t\n"
    "d\t1\t2\t99999999\t20120501\t999\t649\t8960\t3\t7\t9\t\t20130211\t2\t\n"
)


def test_canreg5_layout(put):
    cohort = read_extract(put(CANREG), layout="canreg5", country="Xenia", closing_date=CLOSING)
    assert cohort.data["topography"].tolist() == ["C71.6", "C42.1", "C64.9"]
    assert cohort.data["date_precision"].tolist() == ["day", "year", "day"]
    assert cohort.data["registry"].tolist() == ["Xenia"] * 3
    assert cohort.data["age_years"].tolist() == [2, 2, 4]
    assert cohort.data["time"].tolist() == [1095, 225, 286]
    # Basis 3 belongs to the older list, which the layout does not assume.
    assert listed(cohort) == {(4, "basis-unreadable"), (5, "birth-date-missing")}
    # Known to the layout, and neither read nor called a stranger.
    assert cohort.provenance[0]["columns_ignored"] == ()
    assert "ICCC" not in cohort.provenance[0]["columns"].values()


RUSSIAN = (
    "Номер пациента;Пол;Дата рождения;Дата установления диагноза;Возраст;Топография;Морфология;"
    "Характер опухоли;"
    "Метод подтверждения;Стадия;Дата последнего контакта;Состояние;Выявлен на вскрытии\n"
    "а-1;муж.;01.03.2010;01.05.2012;2,2;С71.6;9470/3;злокачественная;гистологический;ІІ;01.05.2015;жив;нет\n"
    "а-2;Ж;12.2009;06.2012;;С42.1;9811;3;морфологический;4;11.02.2013;умерла;н/д\n"
    "а-3;девочка;;01.05.2012;4,5;С64.9;8960;3;цитологический;не установлена;01.05.2013;выехала;да\n"
    "а-4;Ж;01.03.2010;01.05.2012;2.2;С71.6;9470/3;;клинический;I;01.05.2015;жива;нет\n"
)


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8", "utf-8-sig"])
def test_russian_layout(put, encoding):
    text = RUSSIAN.replace("І", "I") if encoding == "cp1251" else RUSSIAN
    cohort = read_extract(
        put(text, encoding=encoding), layout="russian", country="Ксения", closing_date=CLOSING
    )
    data = cohort.data
    assert data["sex"].tolist() == ["male", "female", "female"]
    assert data["stage"].tolist() == ["II", "IV", "I"]
    assert data["topography"].tolist() == ["C71.6", "C42.1", "C71.6"]
    assert data["basis"].tolist() == [7, 7, 1]
    assert data["date_precision"].tolist() == ["day", "month", "day"]
    assert data["vital_status"].tolist() == ["alive", "dead", "alive"]
    assert listed(cohort) == {(4, "autopsy"), (5, "age-unreadable"), (5, "basis-morphology")}
    assert cohort.provenance[0]["encoding"] == encoding.removesuffix("-sig")


def test_encodings_that_do_not_fit(put):
    path = put(RUSSIAN.replace("І", "I"), encoding="cp1251")
    with pytest.raises(
        LayoutError,
        match=(
            r"^extract\.csv cannot be read with the encoding asked for: utf-8 \(fails at byte 1\)\. The "
            r"bytes look like cp1251: use encoding='cp1251'\.$"
        ),
    ):
        read_extract(path, layout="russian", encoding="utf-8")
    with pytest.raises(
        LayoutError,
        match=(
            r"^utf8\.csv was to be read as cp1251, but all of it is valid UTF-8, which text in cp1251 "
            r"practically never is; letters would be garbled\. Use encoding='utf-8'\.$"
        ),
    ):
        read_extract(put(RUSSIAN.replace("И", "и"), name="utf8.csv"), layout="russian", encoding="cp1251")
    with pytest.raises(LayoutError, match="encoding='cp1251'"):
        read_extract(path, layout="russian", encoding="koi8-r")


def test_the_table_of_any_library_gives_one_cohort(clean_rows, put):
    rows = clean_rows(50)
    path = put(rows.to_csv(index=False))
    typed = rows.assign(
        birth_date=pd.to_datetime(rows["birth_date"]),
        diagnosis_date=pd.to_datetime(rows["diagnosis_date"]).dt.date,
        morphology=rows["morphology"].astype(int),
        behaviour=rows["behaviour"].astype("int64").astype("category"),
        dco=False,
    )
    one = read_extract(path, **OPTIONS).data.drop(columns="source_row")
    for source in (rows, typed, pl.from_pandas(rows), str(path)):
        other = read_extract(source, **OPTIONS).data.drop(columns="source_row")
        pd.testing.assert_frame_equal(one, other)


def test_closing_date_cuts_follow_up_back(clean_rows):
    rows = clean_rows(3)
    rows["birth_date"], rows["diagnosis_date"], rows["last_contact_date"] = (
        "2010-01-01",
        "2012-01-01",
        "2013-01-01",
    )
    rows["vital_status"] = ["dead", "alive", "dead"]
    rows.loc[2, "last_contact_date"] = "2012-02-01"
    cohort = read_extract(rows, layout="childsurv", closing_date=dt.date(2012, 6, 30))
    assert cohort.data["time"].tolist() == [181, 181, 31]
    assert cohort.data["event"].tolist() == [0, 0, 1]
    assert cohort.data["vital_status"].tolist() == ["alive", "alive", "dead"]
    assert cohort.data["last_contact_date"].max() == pd.Timestamp("2012-06-30")
    finding = cohort.findings.set_index("code").loc["contact-after-closing"]
    assert (finding["row_number"], finding["count"]) == (0, 2)
    before = read_extract(rows, layout="childsurv", closing_date="2011-12-31")
    assert before.exclusions["rule"].unique().tolist() == ["diagnosis-after-closing"]


def test_closing_date_by_default(clean_rows):
    rows = clean_rows(30)
    cohort = read_extract(rows, layout="childsurv")
    assert cohort.closing_date.isoformat() == rows["last_contact_date"].max()
    assert "closing-date-from-data" in set(cohort.findings["code"])
    assert cohort.provenance[0]["closing_date_from"].startswith("latest last contact")
    own = read_extract(rows.assign(closing_date="2019-12-31"), layout="childsurv")
    assert own.closing_date == dt.date(2019, 12, 31)
    with pytest.raises(
        DataError,
        match=(
            r"^Column 'closing_date' has no readable closing date in 1 rows\. Give closing_date= for all, "
            r"or fill the column\.$"
        ),
    ):
        read_extract(rows.assign(closing_date=["2019-12-31"] * 29 + [""]), layout="childsurv")
    with pytest.raises(
        DataError,
        match=(
            "^pandas table: no row has a readable date of last contact, so no closing date can be taken "
            r"from the data\. Check the layout's date formats, or give closing_date=\.$"
        ),
    ):
        read_extract(rows.assign(last_contact_date=""), layout="childsurv")
    # A year that cannot be is no closing date.
    rows.loc[0, "last_contact_date"] = "2999-01-01"
    assert read_extract(rows, layout="childsurv").closing_date == cohort.closing_date


def test_columns_that_only_a_written_cohort_has(clean_rows):
    rows = clean_rows(4).assign(event=["1", "x", "", "0"], date_precision=["month", "?", "", "day"])
    rows["vital_status"] = "dead"
    cohort = read_extract(rows, **OPTIONS)
    assert listed(cohort) == {(2, "event-unreadable"), (2, "date-precision-unreadable")}
    assert cohort.data["event"].tolist() == [1, 1, 0]
    assert cohort.data["date_precision"].tolist() == ["month", "day", "day"]


def test_country_and_registry(clean_rows):
    rows = clean_rows(4)
    mixed = rows.assign(country=["Xenia", "", "Y", "Xenia"])
    with pytest.raises(
        OptionError,
        match=(
            "^country='Xenia' is given, but column 'country' of the extract says something else in 1 row "
            r"\(row 3\)\. Leave the argument out to use the column, or correct one of them\.$"
        ),
    ):
        read_extract(mixed, country="Xenia", **OPTIONS)
    agreed = read_extract(mixed.replace({"country": {"Y": ""}}), country="Xenia", **OPTIONS)
    assert set(agreed.data["country"]) == {"Xenia"}
    bare = rows.drop(columns=["country", "registry"])
    assert set(read_extract(bare, **OPTIONS).data["registry"]) == {"unknown"}
    assert "country-unknown" in set(read_extract(bare, **OPTIONS).findings["code"])
    named = read_extract(bare, country="Xenia", registry="R", **OPTIONS)
    assert set(named.data["country"]) == {"Xenia"}
    assert set(named.data["registry"]) == {"R"}
    gaps = read_extract(rows.assign(country=["", "Y", "Y", "Y"]), **OPTIONS)
    assert gaps.data["country"].tolist() == ["unknown", "Y", "Y", "Y"]
    with pytest.raises(OptionError, match=r"^country= takes a name\.$"):
        read_extract(bare, country=" ", **OPTIONS)


def test_kept_columns_and_own_layout(clean_rows, put):
    rows = clean_rows(3).rename(columns={"stage": "Stadium"}).assign(hospital=["A", "", "B"])
    path = put(
        'name = "own"\nextends = "childsurv"\n[columns.stage]\nheaders = ["Stadium"]\nread = "code"\n'
        'values = { "l" = "local" }\n',
        name="own.toml",
    )
    rows.loc[2, "Stadium"] = "?"
    cohort = read_extract(rows, layout=path, closing_date=CLOSING, keep=["hospital"])
    assert cohort.data["hospital"].tolist() == ["A", "unknown", "B"]
    assert cohort.data["stage"].tolist() == ["unknown", "local", "unknown"]
    assert listed(cohort) == {(3, "stage-unreadable")}


def test_labels_by_code(clean_rows, put):
    path = put(
        'name = "own"\nextends = "childsurv"\n[columns.country]\nheaders = ["country"]\nread = "code"\n'
        'values = { "xenia" = "XE" }\n',
        name="own.toml",
    )
    cohort = read_extract(clean_rows(2), layout=path, closing_date=CLOSING)
    assert cohort.data["country"].tolist() == ["unknown", "XE"]
    assert listed(cohort) == {(1, "label-unreadable")}


def test_options_are_checked(clean_rows):
    rows = clean_rows(2)
    for options in (
        {"closing_date": "soon"},
        {"iccc_edition": "2010"},
        {"age_band": "0-16"},
        {"exclude": "strict"},
        {"layout": "canreg6"},
    ):
        with pytest.raises(OptionError):
            read_extract(rows, **(OPTIONS | options))


def test_cohorts_of_countries_keep_their_order(clean_rows):
    rows = clean_rows(300)
    whole = read_extract(rows, **OPTIONS)
    parts = concat([read_extract(rows[rows["country"] == name], **OPTIONS) for name in ("Ypsil", "Xenia")])
    for name in ("age_group", "iccc_group", "iccc_subgroup"):
        assert list(parts.data[name].cat.categories) == list(whole.data[name].cat.categories)
    assert len(parts) == len(whole)


SENTINEL = "ZZSECRETZZ"


def words_of(action):
    """Every text that an action gives: errors and causes, warnings, tables, representations."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            cohort = action()
        except ChildsurvError as error:
            said = [str(error)]
            while error.__cause__ is not None:
                error = error.__cause__
                said.append(str(error))
        else:
            said = [repr(cohort), str(cohort), cohort.findings.to_csv(), cohort.exclusions.to_csv()]
            said += [cohort.flow.to_csv(), repr(cohort.provenance), data_quality(cohort).to_csv()]
    return "\n".join([*said, *(str(warning.message) for warning in caught)])


@pytest.mark.parametrize("column", [
    "patient_id", "tumour_id", "sex", "birth_date", "diagnosis_date", "age_years", "topography", "morphology",
    "behaviour", "basis", "grade", "stage", "last_contact_date", "vital_status", "cause_of_death", "dco",
    "autopsy",
])  # fmt: skip
@pytest.mark.parametrize("rows", ["one", "all"])
def test_no_value_of_a_patient_is_ever_said(clean_rows, put, column, rows):
    data = clean_rows(20)
    data.loc[[3] if rows == "one" else slice(None), column] = SENTINEL
    text = data.to_csv(index=False)
    assert SENTINEL in text
    for source in (data, put(text)):
        for exclude in ("childsurv", "minimal"):
            said = words_of(
                lambda source=source, exclude=exclude: read_extract(source, exclude=exclude, **OPTIONS)
            )
            assert SENTINEL not in said


@pytest.mark.parametrize("layout", ["childsurv", "encr", "canreg5", "russian"])
@pytest.mark.parametrize(
    "content",
    [
        f"{SENTINEL};1;2010-01-01\n{SENTINEL};2;2010-01-01\n",
        f"{SENTINEL},1,2010-01-01\n",
        f'patient_id,sex,birth_date,x\n"{SENTINEL},1\n',
        f"patient_id,sex\n{SENTINEL},1,2,3,4\n",
        f"{SENTINEL} \u0438\u0432\u0430\u043d\n1\n".encode("cp1251"),
        f"{SENTINEL}\x00\n1\n",
        f"{SENTINEL}",
    ],
)
def test_no_first_line_or_broken_record_is_ever_said(put, layout, content):
    path = put(content)
    said = words_of(lambda: read_extract(path, layout=layout))
    assert said
    assert SENTINEL not in said


@given(st.binary(max_size=400), st.sampled_from(["childsurv", "encr", "canreg5", "russian"]))
def test_random_bytes_give_a_childsurv_error(tmp_path_factory, content, layout):
    path = tmp_path_factory.mktemp("fuzz") / "extract.csv"
    path.write_bytes(content)
    with pytest.raises(ChildsurvError):
        read_extract(path, layout=layout)


@given(st.data())
def test_damaged_files_are_read_or_refused_but_never_crash(clean_rows, tmp_path_factory, data):
    text = clean_rows(12).to_csv(index=False).encode()
    start = data.draw(st.integers(300, len(text) - 1))
    patch = data.draw(st.binary(min_size=0, max_size=12))
    path = tmp_path_factory.mktemp("fuzz") / "extract.csv"
    path.write_bytes(text[:start] + patch + (b"" if data.draw(st.booleans()) else text[start + len(patch) :]))
    try:
        cohort = read_extract(path, **OPTIONS)
    except ChildsurvError as error:
        said = str(error)
        assert not re.search("P[0-9]", said)
        return
    assert nothing_lost(cohort, cohort.rows_read)
    assert not re.search("P[0-9]", cohort.findings["message"].str.cat())


def test_simulated_extracts_round_trip(tmp_path):
    from childsurv import demo

    cohort = demo.cohort(patients=400, seed=3)
    again = read_extract(write_extract(cohort, tmp_path / "cohort.csv"), layout="childsurv")
    columns = [name for name in CANONICAL_COLUMNS if name in cohort.data]
    pd.testing.assert_frame_equal(again.data[columns], cohort.data[columns])
