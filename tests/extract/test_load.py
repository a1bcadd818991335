"""Layouts from TOML: built in, a user's own, extended, and every wrong key named."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType

import pytest

from childsurv.errors import LayoutError, OptionError
from childsurv.extract import Layout, layouts, load_layout
from childsurv.extract.layout import ALTERNATIVES, FIELDS

BASE = """
name = "own"
[file]
separator = ";"
[columns.patient_id]
headers = ["ID"]
read = "text"
[columns.sex]
headers = ["SEX"]
read = "code"
values = { "M" = "male", "F" = "female" }
[columns.birth_date]
headers = ["BORN"]
read = "date"
formats = ["%d/%m/%Y"]
[columns.diagnosis_date]
headers = ["DIAG"]
read = "date"
formats = ["%d/%m/%Y"]
[columns.topography]
headers = ["T"]
read = "topography"
[columns.morphology]
headers = ["M"]
read = "morphology"
[columns.last_contact_date]
headers = ["LAST"]
read = "date"
formats = ["%d/%m/%Y"]
[columns.vital_status]
headers = ["VS"]
read = "code"
values = { "A" = "alive", "D" = "dead" }
"""


def test_own_layout_loads_and_is_itself(put):
    layout = load_layout(put(BASE, name="own.toml"))
    assert layout.file.separator == ";"
    assert layout.columns["sex"].values == {"M": "male", "F": "female"}
    assert load_layout(layout) is layout


@pytest.mark.parametrize("name", layouts())
def test_built_in_layouts_hold_what_is_needed_and_describe_it(name):
    layout = load_layout(name)
    assert isinstance(layout, Layout)
    assert layout.name == name
    assert layout.source
    assert {field for field, known in FIELDS.items() if known.required} <= set(layout.columns)
    assert all(set(pair) & set(layout.columns) for pair in ALTERNATIVES)
    page = layout.describe()
    for rule in layout.columns.values():
        assert rule.name in page
        assert all(header in page for header in rule.all_headers)
    assert repr(layout.file.separator) in page or "tab" in page


def test_encr_layout_uses_the_columns_of_the_published_list(shared):
    lines = (shared / "facts" / "encr_incidence_layout.csv").read_text(encoding="utf-8").splitlines()[1:]
    published = {line.split(",")[1] for line in lines}
    layout = load_layout("encr")
    assert {header for rule in layout.columns.values() for header in rule.all_headers} <= published


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "own"\n', "", "name"),
        ('name = "own"', "name = 3", "name"),
        ('name = "own"', 'name = "own"\ncolour = "red"', "colour"),
        ('separator = ";"', 'separator = ";;"', "file.separator"),
        ('separator = ";"', 'decimal = "x"', "file.decimal"),
        ('separator = ";"', 'encodings = ["cp9999"]', "file.encodings"),
        ('separator = ";"', 'encodings = "utf-8"', "file.encodings"),
        ("[columns.sex]", "[columns.gender]", "columns.gender"),
        ('read = "topography"', 'read = "number"', "columns.topography.read"),
        ('headers = ["T"]\n', "", "columns.topography.headers"),
        ('headers = ["T"]', 'headers = ["T"]\nformats = ["%Y"]', "columns.topography.formats"),
        ('formats = ["%d/%m/%Y"]', 'formats = ["%d/%m/%y"]', "columns.birth_date.formats"),
        ('"M" = "male"', '"M" = "man"', "columns.sex.values.M"),
        ('"F" = "female"', '"m" = "female"', "columns.sex.values.m"),
        (
            'read = "code"\nvalues = { "A"',
            'read = "code"\nmissing = ["a"]\nvalues = { "A"',
            "columns.vital_status.missing",
        ),
        ('headers = ["VS"]', 'headers = ["SEX"]', "columns.vital_status"),
        ("[file]", '[constants]\nsex = "male"\n[file]', "constants.sex"),
    ],
)
def test_errors_name_the_key(put, old, new, key):
    assert old in BASE
    with pytest.raises(LayoutError, match=rf"key '{key}'"):
        load_layout(put(BASE.replace(old, new, 1), name="own.toml"))


@pytest.mark.parametrize("field", ["patient_id", "last_contact_date"])
def test_missing_fields_are_named(put, field):
    before, after = BASE.split(f"[columns.{field}]\n")
    rest = after[after.find("[columns") :] if "[columns" in after else ""
    with pytest.raises(LayoutError, match=field):
        load_layout(put(before + rest, name="own.toml"))


def test_extending_replaces_whole_columns_and_removes(put):
    path = put(
        'name = "mine"\nextends = "canreg5"\n[columns.sex]\nheaders = ["SEXE"]\nread = "code"\n'
        'values = { "H" = "male", "F" = "female" }\n[columns.grade]\nremove = true\n',
        name="mine.toml",
    )
    layout = load_layout(path)
    assert layout.columns["sex"].headers == ("SEXE",)
    assert "grade" not in layout.columns
    assert layout.file == load_layout("canreg5").file
    further = put('name = "more"\nextends = "mine.toml"\n[file]\nseparator = "|"\n', name="more.toml")
    assert load_layout(further).file.separator == "|"
    assert load_layout(further).columns["sex"].headers == ("SEXE",)


def test_circles_bad_toml_and_absent_files_are_named(put):
    with pytest.raises(LayoutError, match="circle"):
        load_layout(put('name = "a"\nextends = "loop.toml"\n', name="loop.toml"))
    with pytest.raises(LayoutError, match="not valid TOML"):
        load_layout(put("name = ", name="bad.toml"))
    with pytest.raises(LayoutError, match="UTF-8"):
        load_layout(put('name = "имя"'.encode("cp1251"), name="bad.toml"))
    with pytest.raises(
        OptionError,
        match=(
            r"^layout='canreg6' is neither a built-in layout \(canreg5, childsurv, encr, iicc3, russian, "
            r"seer\) nor a TOML file\.$"
        ),
    ):
        load_layout("canreg6")


@pytest.mark.parametrize("name", layouts())
@pytest.mark.parametrize("again", [copy.deepcopy, lambda layout: pickle.loads(pickle.dumps(layout))])
def test_pickles_and_deep_copies_are_equal_and_frozen(name, again):
    layout = load_layout(name)
    other = again(layout)
    assert other == layout
    assert other.to_toml() == layout.to_toml()
    assert isinstance(other.columns, MappingProxyType)
    assert isinstance(other.columns["sex"].values, MappingProxyType)
