"""Classification by ICCC-3 through the public functions, and what moves between editions."""

from __future__ import annotations

import csv
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.classify import classify_iccc3, iccc3_labels, iccc3_table
from childsurv.classify.codes import write_topography
from childsurv.errors import DataError, OptionError

EDITIONS = ("2005", "2017", "2017-icdo3.2")
COLUMNS = ["iccc_group", "iccc_subgroup", "iccc_extended", "label"]
SITES = [write_topography(number) for number in range(810)]


def one(topography: object, morphology: object, behaviour: object = 3, **options: object) -> str | None:
    """The finest class of one tumour, or None."""
    row = classify_iccc3([topography], [morphology], [behaviour], **options).iloc[0]
    finest = row["iccc_extended"] if pd.notna(row["iccc_extended"]) else row["iccc_subgroup"]
    return None if pd.isna(finest) else str(finest)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_code_at_every_site_with_every_behaviour(shared: Path, edition: str) -> None:
    revisions = {"2005": ["2005"], "2017": ["2017"], "2017-icdo3.2": ["2017", "2023"]}[edition]
    name = "iccc3_2005.csv" if edition == "2005" else "iccc3_2017.csv"
    with (shared / "facts" / name).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("revision", "2005") in revisions]
    morphology = np.repeat(np.arange(8000, 10000), 810)
    topography = pd.Series(np.tile(np.array(SITES, dtype=object), 2000), dtype="category")
    for behaviour in (0, 1, 2, 3, 6, 9):
        found = classify_iccc3(topography, morphology, np.full(morphology.size, behaviour), edition=edition)
        for column, published in {
            "iccc_group": "group",
            "iccc_subgroup": "subgroup",
            "iccc_extended": "extended",
        }.items():
            place = {code: number for number, code in enumerate(found[column].cat.categories)} | {"": -1}
            expected = np.full((2000, 810), -1)
            for row in rows:
                if str(behaviour) in {"3": "3", "0-1,3": "013"}[row["behaviour"]]:
                    kinds = slice(int(row["morphology_from"]) - 8000, int(row["morphology_to"]) - 7999)
                    sites = slice(int(row["topography_from"][1:]), int(row["topography_to"][1:]) + 1)
                    expected[kinds, sites] = place[row[published]]
            differing = np.flatnonzero(found[column].cat.codes.to_numpy() != expected.ravel())
            assert differing.size == 0, (column, behaviour, differing[:5])
        assert (found["label"].notna() == found["iccc_group"].notna()).all()
        if behaviour in (2, 6, 9):
            assert found["iccc_group"].isna().all()


@pytest.mark.parametrize(
    ("topography", "morphology", "behaviour", "in_2005", "in_2017"),
    [
        ("C42.1", 9835, 3, "Ia1", "Ia1"),
        ("C42.1", 9837, 3, "Ia1", "Ia1"),
        ("C77.0", 9837, 3, "Ia1", "IIb1"),  # 2017 splits leukaemia from lymphoma by site
        ("C77.0", 9823, 3, "Ia2", "IIb2"),
        ("C77.0", 9827, 3, "Ia3", "IIb3"),
        ("C42.1", 9591, 3, "IIb4", "Ia4"),
        ("C77.0", 9591, 3, "IIb4", "IIb4"),
        ("C42.1", 9811, 3, None, "Ia1"),  # a code that 2005 did not know
        ("C22.0", 8970, 3, "VIIa", "VIIa1"),  # the subgroup gained divisions
        ("C22.0", 8975, 3, "XIIa4", "VIIa1"),
        ("C22.0", 8963, 3, "IXd3", "VIIa2"),
        ("C22.1", 8991, 3, "IXa", "VIIa3"),
        ("C64.9", 9364, 3, "VIa4", "IXd2"),  # the division is gone
        ("C41.0", 9363, 3, "VIIIc2", "XIIa6"),
        ("C42.1", 9930, 3, "Ie", "Ib"),
        ("C51.9", 8070, 3, "XIf10", "XIe"),
        ("C44.5", 8070, 3, "XIe", "XIe"),
        ("C75.1", 8290, 3, "XIf10", "IIIe1"),
        ("C49.2", 9180, 3, "IXd9", "IXd9"),
        ("C22.0", 9180, 3, None, "IXd9"),
        ("C40.2", 9180, 3, "VIIIa", "VIIIa"),
        ("C69.2", 9510, 3, "V", "V"),
        ("C71.6", 9470, 3, "IIIc1", "IIIc1"),
        ("C74.1", 9500, 3, "IVa", "IVa"),
        ("C64.9", 8960, 3, "VIa1", "VIa1"),
        # A lymph node as the primary site of a carcinoma: ranges stop at C76.8 and go on at C80.9.
        ("C76.8", 8010, 3, "XIf11", "XIf11"),
        ("C77.0", 8010, 3, None, None),
        ("C80.9", 8010, 3, "XIf11", "XIf11"),
        ("C77.0", 8000, 3, "XIIb", "XIIb"),
        # Behaviour.
        ("C71.6", 9421, 1, "IIIb", "IIIb"),
        ("C71.6", 8000, 0, "IIIf", "IIIf"),
        ("C75.1", 9080, 0, "Xa2", "Xa2"),
        ("C56.9", 9080, 0, None, None),
        ("C56.9", 9080, 3, "Xc2", "Xc2"),
        ("C71.6", 9421, 2, None, None),
        ("C44.5", 8070, 2, None, None),
        ("C64.9", 8960, 1, None, None),
    ],
)
def test_known_tumours(
    topography: str, morphology: int, behaviour: int, in_2005: str | None, in_2017: str | None
) -> None:
    assert one(topography, morphology, behaviour, edition="2005") == in_2005
    assert one(topography, morphology, behaviour, edition="2017") == in_2017
    assert one(topography, morphology, behaviour, edition="2017-icdo3.2") == in_2017


@pytest.mark.parametrize(
    ("topography", "morphology", "expected"),
    [
        ("C42.1", 9819, "Ia1"),
        ("C42.1", 9877, "Ib"),
        ("C42.1", 9993, "Id"),
        ("C77.0", 9715, "IIb3"),
        ("C77.0", 9749, "IId"),
        ("C73.9", 8349, "XIb"),
        ("C49.0", 8976, "XIIa4"),
    ],
)
def test_codes_of_icdo_3_2_need_their_edition(topography: str, morphology: int, expected: str) -> None:
    assert one(topography, morphology, edition="2017") is None
    assert one(topography, morphology, edition="2017-icdo3.2") == expected


def test_result_columns() -> None:
    found = classify_iccc3(
        ["С42.1", "716", "c69.2", "C71.6"], ["9835", 9470, "9510/3", "9470/2"], [3, 3, 3, None]
    )
    assert found.columns.tolist() == COLUMNS
    assert found["iccc_group"].tolist()[:3] == ["I", "III", "V"]
    assert found["iccc_subgroup"].tolist()[:3] == ["Ia", "IIIc", "V"]
    assert found["iccc_extended"].tolist()[:2] == ["Ia1", "IIIc1"]
    assert pd.isna(found.loc[2, "iccc_extended"])
    assert found["label"].tolist()[:3] == ["Precursor cell leukemias", "Medulloblastomas", "Retinoblastoma"]
    assert found.loc[3].isna().all()
    assert found["iccc_group"].cat.ordered
    assert found["iccc_group"].min() == "I"
    assert (found["iccc_group"].dropna() < "VI").all()  # Roman order, not the order of letters


def test_missing_codes_are_unclassified() -> None:
    found = classify_iccc3(["C71.6", None, "C71.6", "C71.6"], [9470, 9470, None, 9470], [3, 3, 3, None])
    assert found["iccc_group"].notna().tolist() == [True, False, False, False]


def test_the_index_of_a_series_is_kept() -> None:
    frame = pd.DataFrame(
        {"site": ["C71.6", "C64.9"], "kind": [9470, 8960], "how": [3, 3]}, index=["second", "first"]
    )
    found = classify_iccc3(frame["site"], frame["kind"], frame["how"])
    assert found.index.tolist() == ["second", "first"]
    found = classify_iccc3(frame["site"].to_list(), frame["kind"], 2 * [3])
    assert found.index.tolist() == ["second", "first"]


def test_no_rows() -> None:
    found = classify_iccc3([], [], [])
    assert found.shape == (0, 4)
    assert found["iccc_group"].cat.categories.size == 12


def test_behaviour_may_stand_in_the_morphology() -> None:
    assert classify_iccc3(["C71.6"], ["9421/1"])["iccc_subgroup"].tolist() == ["IIIb"]
    mixed = classify_iccc3(["C71.6"] * 3, ["9421/1", "9421", "9421/3"], [1, 1, None])
    assert mixed["iccc_subgroup"].tolist() == ["IIIb"] * 3
    assert classify_iccc3(["C71.6"], [9421])["iccc_subgroup"].isna().all()


def test_two_behaviours_that_disagree_are_an_error() -> None:
    with pytest.raises(
        DataError,
        match=(
            "^Classification by ICCC-3: the behaviour differs from the one in the morphology code in 1 "
            r"row \(row 2\)\. Correct these codes, or make them missing to leave their rows "
            r"unclassified\.$"
        ),
    ):
        classify_iccc3(["C71.6"] * 3, ["9421/1", "9421/3", "9421"], [1, 1, 1])


def test_malformed_codes_are_named_by_column_rule_and_row_without_a_value() -> None:
    sites = pd.Series(["C71.6", "SECRET-1", "C99.9"], name="ICDO3_T")
    with pytest.raises(DataError) as raised:
        classify_iccc3(sites, ["9470", "SECRET-2", "9470"], [3, 3, 7])
    message = str(raised.value)
    assert "column 'ICDO3_T' must hold an ICD-O-3 topography" in message
    assert "2 rows (rows 2, 3)" in message
    assert "column 'morphology' must hold an ICD-O-3 morphology" in message
    assert "column 'behaviour' must hold an ICD-O-3 behaviour" in message
    assert "1 row (row 3)" in message
    assert "SECRET" not in message
    assert "C99" not in message


def test_lengths_and_indexes_must_agree() -> None:
    with pytest.raises(
        DataError,
        match=(
            "^Classification by ICCC-3 needs columns of equal length, but found rows: topography 2, "
            r"morphology 1, behaviour 2\.$"
        ),
    ):
        classify_iccc3(["C71.6", "C71.6"], [9470], [3, 3])
    site, kind = pd.Series(["C71.6", "C64.9"]), pd.Series([9470, 8960], index=[1, 0])
    with pytest.raises(
        DataError,
        match=(
            "^Classification by ICCC-3: the Series given have different indexes, so their rows cannot be "
            r"paired; take them from one DataFrame, or pass arrays\.$"
        ),
    ):
        classify_iccc3(site, kind, [3, 3])


def test_behaviour_6_and_9_only_on_request() -> None:
    tumours = {"topography": ["C64.9"] * 4, "morphology": [8960] * 4, "behaviour": [3, 6, 9, 1]}
    assert classify_iccc3(**tumours)["iccc_group"].notna().tolist() == [True, False, False, False]
    found = classify_iccc3(**tumours, malignant_behaviours=(3, 6))
    assert found["iccc_group"].notna().tolist() == [True, True, False, False]
    found = classify_iccc3(**tumours, malignant_behaviours=(3, 6, 9))
    assert found["iccc_group"].notna().tolist() == [True, True, True, False]
    for wrong in ((2, 3), (6,), (), (1, 3)):
        with pytest.raises(OptionError, match="malignant_behaviours"):
            classify_iccc3(**tumours, malignant_behaviours=wrong)


def test_unknown_options() -> None:
    with pytest.raises(
        OptionError, match=r"^edition='2008' is not a choice; use one of '2005', '2017', '2017-icdo3\.2'\.$"
    ):
        classify_iccc3(["C71.6"], [9470], [3], edition="2008")
    with pytest.raises(
        OptionError, match=r"^edition='2008' is not a choice; use one of '2005', '2017', '2017-icdo3\.2'\.$"
    ):
        iccc3_table("2008")
    with pytest.raises(
        OptionError, match=r"^detail='groups' is not a choice; use one of 'group', 'subgroup', 'extended'\.$"
    ):
        iccc3_labels("groups")
    with pytest.raises(OptionError, match=r"^language='de' is not a choice; use one of 'en', 'ru'\.$"):
        iccc3_labels(language="de")
    with pytest.raises(
        OptionError,
        match=(
            "^language='ru' has names of groups only, and detail='subgroup' was asked for; use "
            r"detail='group' or language='en'\.$"
        ),
    ):
        iccc3_labels("subgroup", "ru")


def test_labels() -> None:
    english, russian = iccc3_labels(), iccc3_labels(language="ru")
    assert english.index.tolist() == russian.index.tolist()
    assert english.loc["I"] == "Leukemias, myeloproliferative diseases, and myelodysplastic diseases"
    assert russian.loc["I"] == "Лейкозы, миелопролиферативные и миелодиспластические заболевания"
    assert len(english) == 12
    assert len(iccc3_labels("subgroup")) == 48
    assert iccc3_labels("subgroup").loc["VIIa"] == "Hepatoblastoma and mesenchymal tumors of liver"
    assert iccc3_labels("subgroup", edition="2005").loc["VIIa"] == "Hepatoblastoma"
    divisions = {edition: iccc3_labels("extended", edition=edition).index for edition in EDITIONS}
    assert divisions["2005"].difference(divisions["2017"]).tolist() == ["VIa4"]
    assert divisions["2017"].difference(divisions["2005"]).tolist() == ["VIIa1", "VIIa2", "VIIa3"]


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_table_for_readers_is_the_classification(edition: str) -> None:
    table = iccc3_table(edition)
    assert table["iccc_subgroup"].is_monotonic_increasing
    # Both corners of a rectangle are in its class, and the rectangles cover as much as is classified.
    for end in ("from", "to"):
        found = classify_iccc3(
            table[f"topography_{end}"],
            table[f"morphology_{end}"],
            np.where(table["behaviour"] == "3", 3, 0),
            edition=edition,
        )
        assert found["iccc_subgroup"].equals(table["iccc_subgroup"])
        assert found["iccc_extended"].equals(table["iccc_extended"])
        assert found["label"].equals(table["label"])
    cells = (table["morphology_to"] - table["morphology_from"] + 1) * (
        table["topography_to"].map(SITES.index) - table["topography_from"].map(SITES.index) + 1
    )
    everything = classify_iccc3(
        np.tile(SITES, 2000), np.repeat(np.arange(8000, 10000), 810), np.full(1_620_000, 3), edition=edition
    )
    assert cells.sum() == everything["iccc_group"].notna().sum()


def test_editions_can_be_compared_and_stacked() -> None:
    tumours = (["C77.0", "C22.0"], [9837, 8970], [3, 3])
    old, new = (classify_iccc3(*tumours, edition=edition) for edition in ("2005", "2017"))
    for column in COLUMNS:
        assert old[column].dtype == new[column].dtype
    assert (old["iccc_group"] == new["iccc_group"]).tolist() == [False, True]
    assert pd.concat([old, new])["iccc_group"].dtype == old["iccc_group"].dtype


tumour_lists = st.lists(
    st.tuples(st.sampled_from(SITES), st.integers(8000, 9999), st.sampled_from([0, 1, 2, 3, 6, 9])),
    min_size=1,
    max_size=60,
)


@given(tumour_lists, st.sampled_from(EDITIONS), st.randoms())
def test_order_and_company_do_not_matter(tumours: list[tuple], edition: str, random: Random) -> None:
    order = list(range(len(tumours)))
    random.shuffle(order)
    frame = pd.DataFrame(tumours, columns=["site", "kind", "how"])
    together = classify_iccc3(frame["site"], frame["kind"], frame["how"], edition=edition)
    shuffled = frame.iloc[order]
    again = classify_iccc3(shuffled["site"], shuffled["kind"], shuffled["how"], edition=edition)
    pd.testing.assert_frame_equal(again.sort_index(), together)
    half = frame.iloc[: len(frame) // 2]
    alone = classify_iccc3(half["site"], half["kind"], half["how"], edition=edition)
    pd.testing.assert_frame_equal(alone, together.iloc[: len(half)])


@given(tumour_lists)
def test_more_codes_and_more_behaviours_only_add(tumours: list[tuple]) -> None:
    site, kind, how = map(list, zip(*tumours, strict=True))
    posted = classify_iccc3(site, kind, how, edition="2017")
    held = posted["iccc_group"].notna()
    for wider in (
        classify_iccc3(site, kind, how, edition="2017-icdo3.2"),
        classify_iccc3(site, kind, how, edition="2017", malignant_behaviours=(3, 6, 9)),
    ):
        pd.testing.assert_frame_equal(wider[held], posted[held])


@given(tumour_lists, st.sampled_from(EDITIONS))
def test_every_way_of_writing_a_tumour_is_one_tumour(tumours: list[tuple], edition: str) -> None:
    site, kind, how = map(list, zip(*tumours, strict=True))
    plain = classify_iccc3(site, kind, how, edition=edition)
    written = classify_iccc3(
        [code.replace("C", "с").replace(".", "") for code in site],
        [f"М{morphology}/{behaviour}" for morphology, behaviour in zip(kind, how, strict=True)],
        edition=edition,
    )
    pd.testing.assert_frame_equal(written, plain)


@given(tumour_lists, st.sampled_from(EDITIONS))
def test_levels_nest(tumours: list[tuple], edition: str) -> None:
    site, kind, how = map(list, zip(*tumours, strict=True))
    found = classify_iccc3(site, kind, how, edition=edition).dropna(subset=["iccc_group"]).astype(object)
    for group, subgroup, extended, label in found.itertuples(index=False):
        assert subgroup.rstrip("abcdef") == group
        assert pd.isna(extended) or extended.rstrip("0123456789") == subgroup
        level = "subgroup" if pd.isna(extended) else "extended"
        code = subgroup if pd.isna(extended) else extended
        assert iccc3_labels(level, edition=edition).loc[code] == label


def cohort_of(clean_rows, codes):
    sites, kinds = zip(*codes, strict=True)
    rows = clean_rows(len(codes)).assign(topography=sites, morphology=kinds, behaviour="3")
    return cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31", exclude="minimal")


# Moves of the update of 2017 for codes that the edition of 2005 knew.
MOVES = [
    ("C22.0", "8991", "IXa", "VIIa"),
    ("C64.9", "9364", "VIa", "IXd"),
    ("C34.9", "8982", "IXd", "XIIa"),
    ("C42.1", "9930", "Ie", "Ib"),
    ("C34.9", "8588", "XIf", "XIb"),
    ("C64.9", "8960", "VIa", "VIa"),
    ("C77.9", "8140", "not classified", "not classified"),
]


def test_moves_by_hand(clean_rows):
    cohort = cohort_of(clean_rows, [(site, kind) for site, kind, _, _ in MOVES])
    table = cs.compare_editions(cohort, detail="subgroup")
    moves = {(row["from"], row["to"], row["tumours"], row["moves"]) for row in table.to_dict("records")}
    assert moves == {(old, new, 1, old != new) for _, _, old, new in MOVES}


def test_split_counts_add_up_and_icd10_rows_are_apart(clean_rows):
    rows = clean_rows(40).assign(icd10="")
    rows.loc[:3, ["topography", "morphology", "behaviour"]] = ""
    rows.loc[:3, "icd10"] = "C91"
    cohort = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31")
    whole = cs.compare_editions(cohort)
    split = cs.compare_editions(cohort, by="country")
    assert whole["tumours"].sum() == split["tumours"].sum() == 40
    assert whole.query("`from` == 'no ICD-O-3 codes'")["tumours"].item() == 4
    # 9811 is a code of 2010, which the edition of 2005 does not hold; nothing else moves.
    assert whole.loc[whole["moves"], ["from", "to"]].to_numpy().tolist() == [["not classified", "I"]]


@pytest.mark.parametrize("editions", [("2005",), ("2005", "2005"), ("2005", "1996")])
def test_editions_are_two_that_are_known(clean_rows, editions):
    with pytest.raises(OptionError, match="editions"):
        cs.compare_editions(cohort_of(clean_rows, [("C64.9", "8960")]), editions=editions)
