"""Link tokens: one child in two registries is found, and nothing about a child can be read from a token."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import ColumnError, DataError, OptionError
from childsurv.extract.linkage import key_check, normalised_name

KEY = "0123456789abcdef-and-more"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Иванов", "IVANOV"),
        ("Ёлкина", "Елкина"),
        ("Ёлкина-Петрова", "елкина петрова"),
        ("Юлия", "Yuliya"),
        ("Андрей", "Andrey"),
        ("Қасымов", "Касымов"),
        ("Şahin", "Sahin"),
        ("O'Neil", "ONEIL"),
        ("გიორგი", "გიორგი"),
    ],
)
def test_spellings_of_one_name(one, other):
    assert normalised_name(one) == normalised_name(other) != ""


def test_other_names_stay_apart():
    names = ["Иван", "Илья", "Анна", "Мария", "Марина", "Аман", "Амина"]
    assert len({normalised_name(name) for name in names}) == len(names)


def rows_of(clean_rows, size, **columns):
    rows = clean_rows(size).assign(
        country="Xenia", Surname=[f"Фам{number}ова" for number in range(size)], Given="Анна", sex="female"
    )
    letters = "абвгдежзиклмнопрстуф"
    rows["Surname"] = [f"{letters[number % 20]}{letters[number // 20 % 20]}ова" for number in range(size)]
    return rows.assign(**columns)


def read(rows, key=KEY, **options):
    names = {"surname": "Surname", "given_name": "Given"}
    return cs.read_extract(
        rows, layout="childsurv", closing_date="2020-12-31", link_by=names, link_key=key, **options
    )


def test_a_token_is_a_keyed_hash_by_hand(clean_rows):
    dates = {"birth_date": "2004-05-06", "diagnosis_date": "2006-01-01", "last_contact_date": "2010-01-01"}
    cohort = read(rows_of(clean_rows, 1, Surname="Ёлкина", Given="Ия", **dates))
    message = "iia\x1felkina\x1f2004-05-06\x1ffemale"
    expected = hmac.new(KEY.encode(), message.encode(), hashlib.sha256).digest()[:16].hex()
    assert cohort.data["link_token"].tolist() == [expected]
    assert "Surname" not in cohort.data
    assert cohort.provenance[0]["link_key_check"] == key_check(KEY)
    assert KEY not in str(cohort.provenance)


def test_rows_without_a_name_a_day_or_a_sex_have_no_token(clean_rows):
    rows = rows_of(clean_rows, 6)
    rows.loc[0, "Surname"], rows.loc[1, "Given"] = "", "-"
    rows.loc[2, "birth_date"] = rows.loc[2, "birth_date"][:7]
    rows.loc[3, "sex"] = ""
    cohort = read(rows, exclude="minimal")
    assert (cohort.data["link_token"].astype(str) == "unknown").tolist() == [True] * 4 + [False] * 2
    assert cohort.findings.set_index("code")["count"]["link-token-missing"] == 4


def test_tokens_depend_on_the_key_and_on_nothing_else(clean_rows):
    rows = rows_of(clean_rows, 30)
    shuffled = rows.sample(frac=1, random_state=1)[rows.columns[::-1]]
    one = read(rows).data.set_index("patient_id")["link_token"].astype(str)
    other = read(shuffled).data.set_index("patient_id")["link_token"].astype(str)
    assert one.to_dict() == other.to_dict()
    assert one.nunique() == 30
    assert not set(one) & set(read(rows, key="x" + KEY).data["link_token"].astype(str))


@pytest.mark.parametrize("key", ["short", b"tooshort", "a" * 40, 5, None])
def test_weak_keys_are_refused(clean_rows, key):
    with pytest.raises(OptionError, match="link_key="):
        read(rows_of(clean_rows, 2), key=key)


def test_headers_are_checked(clean_rows):
    rows = rows_of(clean_rows, 2)
    with pytest.raises(
        ColumnError,
        match=(
            r"^link_by=: no column 'Nom'\. The data have the columns: patient_id, tumour_id, country, "
            "registry, sex, birth_date, diagnosis_date, age_years, topography, morphology, behaviour, "
            "basis, grade, stage, last_contact_date, vital_status, cause_of_death, dco, autopsy, Surname,"
            r" Given\.$"
        ),
    ):
        cs.read_extract(rows, layout="childsurv", link_by=["Nom"], link_key=KEY)
    with pytest.raises(
        OptionError,
        match=(
            r"^link_by= takes the headers of the names, such as \['Surname', 'Given name'\], or a mapping "
            r"of their meaning to the header, such as \{'surname': 'Фамилия', 'given_name': 'Имя'\}\.$"
        ),
    ):
        cs.read_extract(rows, layout="childsurv", link_by="Surname", link_key=KEY)
    with pytest.raises(OptionError, match=r"^link_by= and link_key= are given together\.$"):
        cs.read_extract(rows, layout="childsurv", link_by=["Surname"])


def two_registries(clean_rows, shared=100):
    """Registries of 250 and 300 children, of whom some are in both, registered a month later in the second."""
    home = rows_of(clean_rows, 250)
    rng = np.random.default_rng(4)
    chosen = np.sort(rng.choice(250, shared, replace=False))
    # Other children of the second registry have other names.
    abroad = rows_of(clean_rows, 300).assign(country="Ypsil", Given="Мария")
    places = np.sort(rng.choice(300, shared, replace=False))
    for name in (
        "Surname",
        "birth_date",
        "sex",
        "topography",
        "morphology",
        "behaviour",
        "last_contact_date",
    ):
        abroad.loc[places, name] = home.loc[chosen, name].to_numpy()
    abroad.loc[places, "Given"] = "ANNA"
    later = pd.to_datetime(home.loc[chosen, "diagnosis_date"]) + pd.to_timedelta(10, unit="D")
    abroad.loc[places, "diagnosis_date"] = later.dt.strftime("%Y-%m-%d").to_numpy()
    return home, abroad, chosen, places


def test_children_of_two_registries_are_found_in_each(clean_rows):
    home, abroad, chosen, places = two_registries(clean_rows)
    both = cs.concat([read(home), read(abroad)])
    found = both.findings.query("code == 'duplicate-across-registries'")["row_number"].tolist()
    assert sorted(found) == sorted([*(chosen + 1), *(places + 1)])
    assert len(both) == 550
    kept = cs.concat([read(home), read(abroad)], across_registries="exclude")
    assert len(kept) == 450
    assert kept.exclusions.set_index("rule")["patients"]["duplicate-across-registries"] == 100
    assert kept.rows_read == len(kept) + kept.exclusions["patients"].sum()
    # The record of the earlier diagnosis stays: that at home.
    assert (kept.data["country"] == "Xenia").sum() == 250
    ignored = cs.concat([read(home), read(abroad)], across_registries="ignore")
    assert "duplicate-across-registries" not in set(ignored.findings["code"])
    assert "duplicate-across-registries" not in set(cs.concat([read(home), read(home)]).findings["code"])


def test_registries_that_may_not_send_rows_compare_tokens(clean_rows, tmp_path):
    home, abroad, chosen, _ = two_registries(clean_rows)
    paths = [
        cs.write_link_tokens(read(home), tmp_path / "home.csv"),
        cs.write_link_tokens(read(abroad), tmp_path / "abroad.csv"),
    ]
    assert pd.read_csv(paths[0]).columns.tolist() == ["registry", "link_token", "key_check"]
    shared = cs.compare_link_tokens(paths)
    assert len(shared) == 100
    assert set(shared["registries"]) == {"Xenia, North; Ypsil, North"}
    own = read(home).data.set_index("link_token")["source_row"]
    assert sorted(own[shared["link_token"]]) == (chosen + 1).tolist()
    other = cs.write_link_tokens(read(abroad, key="another " + KEY), tmp_path / "other.csv")
    with pytest.raises(
        DataError,
        match=(
            r"^The files were made with different keys \(column key_check\), so their tokens cannot be "
            r"compared\. Make them again with one link_key=\.$"
        ),
    ):
        cs.compare_link_tokens([paths[0], other])
    with pytest.raises(
        DataError,
        match=(
            r"^concat\(\): the cohorts' link tokens were made with different keys, so they cannot be "
            r"compared\. Read them again with one link_key=, or give across_registries='ignore'\.$"
        ),
    ):
        cs.concat([read(home), read(abroad, key="another " + KEY)])
    with pytest.raises(
        OptionError, match=r"^compare_link_tokens\(\) needs the files of at least two registries\.$"
    ):
        cs.compare_link_tokens(paths[:1])
    home.to_csv(tmp_path / "rows.csv")
    with pytest.raises(
        ColumnError,
        match=(
            r"^rows\.csv: no column 'link_token', 'key_check'\. The data have the columns: Unnamed: 0, "
            "patient_id, tumour_id, country, registry, sex, birth_date, diagnosis_date, age_years, "
            "topography, morphology, behaviour, basis, grade, stage, last_contact_date, vital_status, "
            r"cause_of_death, dco, autopsy, Surname, Given\.$"
        ),
    ):
        cs.compare_link_tokens([paths[0], tmp_path / "rows.csv"])


def test_a_cohort_without_tokens_has_none_to_write(clean_rows, tmp_path):
    cohort = cs.read_extract(clean_rows(3), layout="childsurv", closing_date="2020-12-31")
    with pytest.raises(
        DataError, match=r"^The cohort has no link tokens; read its extracts with link_by= and link_key=\.$"
    ):
        cs.write_link_tokens(cohort, tmp_path / "tokens.csv")


def test_tokens_are_written_and_read_again(clean_rows, tmp_path):
    cohort = read(rows_of(clean_rows, 20))
    again = cs.read_extract(cs.write_extract(cohort, tmp_path / "cohort.csv"), layout="childsurv")
    pd.testing.assert_frame_equal(again.data, cohort.data)
