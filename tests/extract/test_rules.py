"""The declared rules: built in, a user's own, and the page that lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import childsurv as cs
from childsurv.cohort.cohort import CANONICAL_COLUMNS
from childsurv.errors import ChildsurvError, LayoutError, OptionError
from childsurv.extract.rules import PROFILES, exclusion_codes, rules, rules_markdown

RULES = rules()


@pytest.mark.parametrize("code", list(RULES))
def test_every_rule_is_complete(code):
    rule = RULES[code]
    assert rule.severity in {"error", "warning", "note"}
    assert rule.excludes in {"always", "default", "optional", "never"}
    assert rule.listing in {"rows", "once"}
    assert rule.column in {"", *CANONICAL_COLUMNS}
    assert rule.message
    assert rule.source
    assert rule.listing == "rows" or rule.excludes in {"never", "optional"}


def test_profiles_and_lists():
    default, minimal = exclusion_codes("childsurv"), exclusion_codes("minimal")
    assert set(minimal) < set(default)
    assert all(RULES[code].excludes == "always" for code in minimal)
    assert "age-contradicts-dates" not in default
    assert set(exclusion_codes(["age-contradicts-dates"])) == {*minimal, "age-contradicts-dates"}
    assert list(default) == [code for code in RULES if code in default]
    for wrong in ("strict", ["dco", "nothing"], ["patient-id-missing"]):
        with pytest.raises(OptionError, match="exclude"):
            exclusion_codes(wrong)


OWN = """
[[rule]]
code = "ward-unknown"
severity = "warning"
message = "no ward ({is} needed here)"
when = { ward = "unknown" }
excludes = "optional"

[[rule]]
code = "old-wilms"
severity = "error"
column = "morphology"
message = "a Wilms tumour after the fifth birthday"
source = "our registry"
when = { morphology = "8960", age_years = ">=5" }
unless = { basis = "5-7" }
excludes = "default"
eligible = false

[[override]]
code = "dco"
excludes = "never"
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def read(rows, path, **options):
    return cs.read_extract(
        rows, layout="childsurv", closing_date="2020-12-31", rules=path, keep=["ward"], **options
    )


def test_own_rules_find_and_exclude(clean_rows, own):
    rows = clean_rows(6).assign(
        ward=["A", "", "A", "A", "A", ""], basis=["7", "7", "1", "7", "0", "1"], topography="C64.9", morphology="8960",
        behaviour="3", birth_date="2000-01-01", diagnosis_date=["2006-01-01", *["2007-01-01"] * 2, *["2002-01-01"] * 3],
        last_contact_date="2010-01-01",
    )  # fmt: skip
    cohort = read(rows, own)
    found = cohort.findings
    assert found.loc[found["code"] == "ward-unknown", "row_number"].tolist() == [2, 6]
    assert found.loc[found["code"] == "old-wilms", "row_number"].tolist() == [3]
    assert set(found.loc[found["code"] == "old-wilms", "source"]) == {"our registry"}
    assert set(found.loc[found["code"] == "ward-unknown", "source"]) == {"own.toml"}
    assert set(found.loc[found["code"] == "ward-unknown", "message"]) == {"no ward ({is} needed here)"}
    # The override keeps what is registered from a death certificate.
    assert cohort.data["source_row"].tolist() == [1, 2, 4, 5, 6]
    assert cohort.exclusions["rule"].tolist() == ["old-wilms"]
    assert cohort.rows_read == len(cohort) + cohort.exclusions["patients"].sum()
    assert cs.data_quality(cohort, by=None)["eligible"].item() == 5
    wards = read(rows, [own], exclude=["childsurv", "ward-unknown"])
    assert wards.data["source_row"].tolist() == [1, 4, 5]
    assert "ward-unknown" in set(cs.check_rules(own)["code"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "not TOML"),
        ("[rule]\ncode = 'x'", "double brackets"),
        ("[[rules]]\ncode = 'x'", "no table 'rules'"),
        ("[[rule]]\ncode = 'x'", "the key 'severity' is missing"),
        (
            "[[rule]]\ncode = 'X Y'\nseverity = 'note'\nmessage = 'm'\nwhen = { sex = 'male' }",
            "small letters",
        ),
        ("[[rule]]\ncode = 'dco'\nseverity = 'note'\nmessage = 'm'\nwhen = { sex = 'male' }", "already"),
        (
            "[[rule]]\ncode = 'x'\nseverity = 'bad'\nmessage = 'm'\nwhen = { sex = 'male' }",
            "severity must be",
        ),
        (
            "[[rule]]\ncode = 'x'\nseverity = 'note'\nmessage = 1\nwhen = { sex = 'male' }",
            "message must be text",
        ),
        (
            "[[rule]]\ncode = 'x'\nseverity = 'note'\nmessage = 'm'\nwhen = { hair = 'red' }",
            "no column 'hair'",
        ),
        (
            "[[rule]]\ncode = 'x'\nseverity = 'note'\nmessage = 'm'\nwhen = { sex = 'male' }\ncolour = 1",
            "'colour'",
        ),
        (
            "[[rule]]\ncode = 'x'\nseverity = 'note'\nmessage = 'm'\nprofiles = ['us']\nwhen = { sex = 'x' }",
            "profiles",
        ),
        ("[[override]]\ncode = 'nothing'\nexcludes = 'never'", "name the code of a rule"),
        ("[[override]]\ncode = 'dco'\nexcludes = 'always'", "cannot be changed"),
        ("[[override]]\ncode = 'diagnosis-date-missing'\nexcludes = 'never'", "cannot be changed"),
    ],
)
def test_mistakes_name_the_file(clean_rows, tmp_path, text, message):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LayoutError, match=message) as caught:
        read(clean_rows(2).assign(ward="A"), path)
    assert "own.toml" in str(caught.value)


def test_a_file_that_is_not_there(clean_rows, tmp_path):
    with pytest.raises(OptionError, match="no file"):
        read(clean_rows(2).assign(ward="A"), tmp_path / "none.toml")


def test_a_rule_may_not_name_a_column_that_is_not_kept(clean_rows, own):
    with pytest.raises(ChildsurvError, match="no column 'ward'"):
        cs.read_extract(clean_rows(2), layout="childsurv", closing_date="2020-12-31", rules=own)


def test_the_page_of_rules_is_that_of_the_table():
    page = (Path(__file__).resolve().parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
    assert rules_markdown() in page, "write it again: python docs/make_checks.py"
    assert all(f"`{name}`" in page for name in PROFILES)


def test_every_example_of_the_page_is_read(clean_rows, tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, flags=re.S)
    assert blocks
    for number, block in enumerate(blocks):
        path = tmp_path / f"rules{number}.toml"
        path.write_text(block, encoding="utf-8")
        assert len(cs.check_rules(path)) > len(rules())


def test_profiles_by_hand(clean_rows):
    rows = clean_rows(4).assign(topography="C71.1", morphology="9421", behaviour=["1", "3", "3", "3"])
    rows["last_contact_date"] = [*rows["last_contact_date"][:3], rows["diagnosis_date"][3]]
    rows["sex"] = [*rows["sex"][:2], "", "female"]

    def kept(profile):
        cohort = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31", exclude=profile)
        return cohort.data["source_row"].tolist()

    assert kept("childsurv") == [1, 2, 4]
    assert kept("minimal") == [1, 2, 3, 4]
    assert kept("nordcan") == [2, 3]
    assert kept("concord-eurocare") == [1, 2, 3, 4]
