"""The tables of ICCC-3 against the published rectangles, cell by cell, and against pinned sums."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from childsurv.classify import iccc3_tables
from childsurv.classify.iccc3_tables import (
    EDITIONS,
    leaf_names,
    leaves,
    level_dtypes,
    lookup_table,
    names_of,
    parse_class,
    read_rules,
    rules_of,
)
from childsurv.errors import ChildsurvError

GROUPS = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
REVISIONS = {"2005": {"2005"}, "2017": {"2017"}, "2017-icdo3.2": {"2017", "2023"}}

# Names that we write otherwise than the page they come from, which contracts or respells them.
RESPELLED = {
    "Non-Hodgkin lymphomas,NOS": "Non-Hodgkin lymphomas, NOS",
    "Tumours of the sellar region (craniopharyngiomas)": "Tumors of the sellar region (craniopharyngiomas)",
    "Oth/unspec malig mixed germ cell tumors of extracranial/extragonadal": "Other and unspecified malignant "
    "mixed germ cell tumors of extracranial and extragonadal sites",
}

# Cells of morphology x topography in each group, and a digest of the class of every cell. They change only
# with the classification itself; the comparison with the published rectangles says whether they should.
CELLS = {
    "2005": {
        "I": 43740,
        "II": 55080,
        "III": 63530,
        "IV": 15074,
        "V": 4050,
        "VI": 10686,
        "VII": 18090,
        "VIII": 29250,
        "IX": 114885,
        "X": 100095,
        "XI": 247986,
        "XII": 26694,
    },
    "2017": {
        "I": 51899,
        "II": 73123,
        "III": 73252,
        "IV": 15074,
        "V": 4050,
        "VI": 10677,
        "VII": 13226,
        "VIII": 32510,
        "IX": 123538,
        "X": 88800,
        "XI": 248281,
        "XII": 24384,
    },
    "2017-icdo3.2": {
        "I": 56764,
        "II": 75504,
        "III": 73252,
        "IV": 15074,
        "V": 4050,
        "VI": 10677,
        "VII": 13226,
        "VIII": 32510,
        "IX": 127588,
        "X": 88811,
        "XI": 250925,
        "XII": 25194,
    },
}
DIGESTS = {"2005": "be54647df236167c", "2017": "9ee17ceb5f55a272", "2017-icdo3.2": "4a19d0e1b3c0aa38"}


def facts(folder: Path, edition: str) -> list[dict[str, str]]:
    name = "iccc3_2005.csv" if edition == "2005" else "iccc3_2017.csv"
    with (folder / "facts" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row.get("revision", "2005") in REVISIONS[edition]]


def class_grid(edition: str) -> np.ndarray:
    """The class code of every cell of our look-up, as text."""
    codes = np.array(["", *(leaf.code for leaf in leaves())], dtype="S6")
    return codes[lookup_table(edition)]


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_published_rectangle_holds_its_class(shared: Path, edition: str) -> None:
    grid, names = class_grid(edition), leaf_names(edition)
    rows = facts(shared, edition)
    assert len(rows) == {"2005": 1225, "2017": 1923, "2017-icdo3.2": 2014}[edition]
    for row in rows:
        code = row["extended"] or row["subgroup"]
        morphologies = slice(int(row["morphology_from"]) - 8000, int(row["morphology_to"]) - 8000 + 1)
        sites = slice(int(row["topography_from"][1:]), int(row["topography_to"][1:]) + 1)
        assert (grid[morphologies, sites] == code.encode()).all(), row
        leaf = parse_class(code)
        assert (leaf.group, leaf.subgroup, leaf.extended or "") == (
            row["group"],
            row["subgroup"],
            row["extended"],
        )
        assert ("0-1,3" if leaf.holds_non_malignant else "3") == row["behaviour"], row
        assert names[code] == RESPELLED.get(row["label"], row["label"])


@pytest.mark.parametrize("edition", EDITIONS)
def test_no_cell_has_a_class_that_is_not_published(shared: Path, edition: str) -> None:
    expected = np.full((2000, 810), b"", dtype="S6")
    for row in facts(shared, edition):
        for morphology in range(int(row["morphology_from"]), int(row["morphology_to"]) + 1):
            for site in range(int(row["topography_from"][1:]), int(row["topography_to"][1:]) + 1):
                expected[morphology - 8000, site] = (row["extended"] or row["subgroup"]).encode()
    differing = np.argwhere(expected != class_grid(edition))
    assert len(differing) == 0, f"first differences at (morphology - 8000, site): {differing[:5].tolist()}"


@pytest.mark.parametrize("edition", EDITIONS)
def test_rules_of_an_edition_never_overlap(edition: str) -> None:
    covered = np.zeros((2000, 810), dtype=np.uint8)
    for rule in rules_of(edition):
        for first, last in rule.morphologies:
            for site_from, site_to in rule.topographies:
                assert 8000 <= first <= last <= 9999
                assert 0 <= site_from <= site_to <= 809
                covered[first - 8000 : last - 8000 + 1, site_from : site_to + 1] += 1
    assert covered.max() == 1
    assert (covered == 1).sum() == (lookup_table(edition) > 0).sum()


def test_an_overlap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = read_rules()
    stretched = replace(rules[0], morphologies=((9835, 9840),))  # 9840 is Ib
    monkeypatch.setattr(iccc3_tables, "read_rules", lambda: (stretched, *rules[1:]))
    with pytest.raises(
        ChildsurvError,
        match=(
            r"^the ICCC-3 table of childsurv, edition 2005, puts codes of class Ib in a second class; "
            r"reinstall childsurv$"
        ),
    ):
        lookup_table.__wrapped__("2005")


@pytest.mark.parametrize("edition", EDITIONS)
def test_pinned_cells_of_each_group(edition: str) -> None:
    table = lookup_table(edition)
    counts = Counter()
    for number, cells in enumerate(np.bincount(table.ravel(), minlength=len(leaves()) + 1)[1:]):
        counts[leaves()[number].group] += int(cells)
    assert dict(counts) == CELLS[edition]
    digest = hashlib.blake2b(class_grid(edition).tobytes(), digest_size=8).hexdigest()
    assert digest == DIGESTS[edition]


def test_the_later_revision_only_adds() -> None:
    before, after = lookup_table("2017"), lookup_table("2017-icdo3.2")
    assert (after[before > 0] == before[before > 0]).all()
    assert (after > 0).sum() > (before > 0).sum()


def test_the_look_up_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        lookup_table("2017")[0, 0] = 1


def test_structure() -> None:
    assert names_of("group", "english", edition="2005").index.tolist() == GROUPS
    subgroups = names_of("subgroup", "english", edition="2017").index.tolist()
    assert len(subgroups) == 48  # 47, and V which has none
    letters = Counter(parse_class(code).group for code in subgroups)
    assert [letters[group] for group in GROUPS] == [5, 5, 6, 2, 1, 3, 3, 5, 5, 5, 6, 2]
    # The published numbers of leaves: 001-114 in 2005, 001-115 in 2017.
    assert {edition: len(leaf_names(edition)) for edition in EDITIONS} == {
        "2005": 114,
        "2017": 115,
        "2017-icdo3.2": 115,
    }
    divided = Counter(leaf.subgroup for leaf in leaves() if leaf.extended and leaf.code in leaf_names("2005"))
    assert len(divided) == 16
    assert (min(divided.values()), max(divided.values())) == (2, 11)


@pytest.mark.parametrize("edition", EDITIONS)
def test_names_and_rules_have_the_same_classes(edition: str) -> None:
    divisions = {leaf.extended for leaf in leaves() if leaf.code in leaf_names(edition) and leaf.extended}
    assert set(names_of("extended", "english", edition=edition).index) == divisions
    assert {rule.leaf.subgroup for rule in rules_of(edition)} == set(
        names_of("subgroup", "english", edition=edition).index
    )
    for level in ("group", "subgroup", "extended"):
        assert (names_of(level, "english", edition=edition).str.len() > 3).all()


def test_categories_are_in_the_official_order() -> None:
    dtypes = level_dtypes()
    assert all(dtype.ordered for dtype in dtypes.values())
    assert dtypes["iccc_group"].categories.tolist() == GROUPS
    divisions = dtypes["iccc_extended"].categories.tolist()
    assert divisions.index("IXd9") < divisions.index("IXd10") < divisions.index("IXd11")
    assert divisions.index("VIa3") < divisions.index("VIa4") < divisions.index("VIIa1")
    for edition in EDITIONS:  # the order of the leaves is the order of their names
        names = list(leaf_names(edition).values())
        assert len(set(names)) == len(names)
        places = dtypes["label"].categories.get_indexer(names)
        assert places[0] >= 0
        assert (np.diff(places) > 0).all()


def test_a_class_that_is_none_is_refused() -> None:
    with pytest.raises(
        ChildsurvError, match=r"^the ICCC-3 table of childsurv holds the class 'IIIс'; reinstall childsurv$"
    ):
        parse_class("IIIс")  # a Cyrillic с
