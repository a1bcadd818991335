"""The report as a whole: its files, what they may not hold, and that it does not change."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.demo import cohort as demo_cohort
from childsurv.demo import life_table
from childsurv.errors import ColumnError, DataError, LifeTableError, MissingExtraError, OptionError
from childsurv.net.net import net_survival
from childsurv.reporting import Report, report
from childsurv.reporting.output import PICTURE_FILES, TABLE_FILES
from childsurv.survival.observed import kaplan_meier
from childsurv.words import catalogue

VOID = {"meta", "img", "link", "br", "input", "hr"}


class Outline(HTMLParser):
    """Checks that tags are closed in order, and collects what a browser would load or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes.append((tag, given))
        self.loads += [
            str(given[name]) for name in ("src", "srcset", "data", "poster", "background") if name in given
        ]
        if "href" in given:
            (self.links if tag == "a" else self.loads).append(str(given["href"]))
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def test_page_is_well_formed(outline: Outline) -> None:
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert outline.tags.count("h1") == 1


def test_page_loads_nothing_and_runs_nothing(outline: Outline, page: str) -> None:
    assert all(address.startswith("data:image/") for address in outline.loads)
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert "script" not in outline.tags
    assert not any(name.startswith("on") for _, given in outline.attributes for name in given)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_page_can_be_read_by_everyone(outline: Outline, page: str) -> None:
    assert '<html lang="en">' in page
    assert outline.tags.count("table") == outline.tags.count("caption") > 8
    assert all(given.get("alt") for tag, given in outline.attributes if tag == "img")
    assert all(given.get("scope") in {"row", "col"} for tag, given in outline.attributes if tag == "th")
    contents = [link for link in outline.links if link != "#summary"]
    assert len(contents) >= 14


def test_simulated_data_are_called_so(page: str, made: Report) -> None:
    assert "Simulated data." in page
    assert "<title>Survival of children with cancer – Simulated data</title>" in page
    assert set(made.pictures) == set(PICTURE_FILES)


def test_files(made: Report) -> None:
    folder = made.path.parent
    assert made.path.name == "report.html"
    assert {path.stem for path in (folder / "tables").iterdir()} == set(made.tables) <= set(TABLE_FILES)
    for paths in made.pictures.values():
        assert [path.suffix for path in paths] == [".svg", ".png"]
        assert all(path.stat().st_size > 1000 for path in paths)
    assert "15 tables, 6 pictures" in repr(made)


def test_no_value_of_a_patient_leaves(
    made: Report, records: pd.DataFrame, texts_in: Callable[[Path], dict[str, str]]
) -> None:
    births = set(records["birth_date"].dt.strftime("%Y-%m-%d"))
    deaths = set(records["last_contact_date"].dt.strftime("%Y-%m-%d")) - {"2020-12-31"}
    diagnoses = set(records["diagnosis_date"].dt.strftime("%Y-%m-%d"))
    for name, text in texts_in(made.path.parent).items():
        assert "SENTINEL" not in text, name
        found = set(re.findall(r"\d{4}-\d{2}-\d{2}", text))
        # The life table's and the window's own dates may also be those of a child.
        found -= {"1980-01-01", "2030-12-31", "2016-01-01", "2020-12-31"}
        assert not found & (births | deaths | diagnoses), name


def test_a_small_country_is_shown_nowhere(made: Report, texts_in: Callable[[Path], dict[str, str]]) -> None:
    for name, text in texts_in(made.path.parent).items():
        assert "XOD" not in text, name
    labels = made.tables["survival"]["country"].unique().tolist()
    # The next smallest country hides the one with three children.
    assert labels == ["All", "XND", "XPV", "XSM", "Other, merged (2)"]
    merged = made.tables["survival"].query("country == 'Other, merged (2)'")
    assert (merged["patients"] >= 5).all()


def test_no_table_shows_a_small_group_or_tells_of_one(made: Report) -> None:
    for name, table in made.tables.items():
        if "patients" in table:
            assert (table["patients"].dropna() >= 5).all() or name == "patients", name
    patients = made.tables["patients"]
    assert ((patients["patients"] == 0) | (patients["patients"] >= 5))[patients["patients"].notna()].all()
    wide = patients.pivot(index="country", columns="iccc_group", values="patients").astype("Float64")
    inner = wide.drop(index="All", columns="All")
    hidden = inner.isna().to_numpy()
    assert hidden.any()
    for line in (*hidden, *hidden.T):
        assert line.sum() != 1
    rests = wide["All"].drop("All") - inner.sum(axis=1, skipna=True)
    assert ((rests == 0) | (rests >= 5)).all()
    rests = wide.loc["All"].drop("All") - inner.sum(axis=0, skipna=True)
    assert ((rests == 0) | (rests >= 5)).all()
    # The table of survival has the cells that the table of patients shows, and no other.
    cells = made.tables["survival_by_group_and_diagnosis"].drop_duplicates(["country", "iccc_group"])
    shown = patients[
        (patients["country"] != "All") & (patients["iccc_group"] != "All") & (patients["patients"] > 0)
    ]
    assert len(cells) == len(shown)


def test_counts_add_up(made: Report, cohort: Cohort, page: str) -> None:
    flow = made.tables["flow"]
    assert flow["rows"].iloc[0] == cohort.rows_read
    assert flow["rows"].iloc[:-1].sum() == len(cohort) == flow["rows"].iloc[-1]
    assert flow["remaining"].iloc[-2] == len(cohort)
    # Three rows without vital status: hidden among others.
    assert "vital-status-missing" not in flow["step"].tolist()
    assert (flow["rows"].abs() >= 5).all()
    assert f"{cohort.rows_read:,} read" in page
    excluded = cohort.rows_read - len(cohort)
    assert f"= {excluded} left out +" in page


def test_numbers_are_those_of_the_estimators(made: Report, cohort: Cohort, page: str) -> None:
    survival = made.tables["survival"].set_index(["country", "years"])
    observed = kaplan_meier(cohort).at(years=[1, 3, 5])
    net = net_survival(cohort, life_table()).at(years=[1, 3, 5])
    for place, years in enumerate((1.0, 3.0, 5.0)):
        row = survival.loc["All", years]
        for name, source in (("observed", observed), ("net", net)):
            assert row[name] == source["estimate"].iloc[place]
            assert row[f"{name}_lower"] == source["lower"].iloc[place]
            assert row[f"{name}_upper"] == source["upper"].iloc[place]
        assert row["at_risk"] == observed["at_risk"].iloc[place]
        assert f"{100 * row['observed']:.1f}" in page
    one = kaplan_meier(cohort.where("country == 'XPV'")).at(years=5).iloc[0]
    assert survival.loc["XPV", 5.0]["observed"] == pytest.approx(one["estimate"], abs=1e-15)
    assert f"{100 * one['estimate']:.1f}" in page


def test_the_same_cohort_gives_the_same_files(made: Report, cohort: Cohort, tmp_path: Path) -> None:
    again = report(cohort, life_table(), out=tmp_path, progress=False)
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file():
            twin = made.path.parent / path.relative_to(tmp_path)
            assert path.read_bytes() == twin.read_bytes(), path.name
    assert set(again.tables) == set(made.tables)


@pytest.fixture(scope="module")
def russian(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Report in Russian without a life table."""
    folder = tmp_path_factory.mktemp("russian")
    few = cohort.where("country != 'XOD'").where("iccc_group in ['I', 'V']")
    names = {"country": {"XPV": "Павонел", "XND": "<b>Нордавель</b>"}}
    return report(few, out=folder, language="ru", by="sex", names=names, title="=Отчёт", progress=False)


def test_russian_page_is_russian(russian: Report) -> None:
    page = russian.path.read_text(encoding="utf-8")
    assert '<html lang="ru">' in page
    for words in (
        "Качество данных",
        "Выживаемость по полу",
        "Смоделированные данные",
        "Таблицы смертности не заданы",
    ):
        assert words in page
    assert re.search(r"\d,\d", page)
    assert "Survival" not in re.sub(r'alt="[^"]*"|<style>.*?</style>', "", page, flags=re.S)
    assert "net" not in russian.tables["survival"]


def test_words_of_the_user_cannot_be_markup(russian: Report) -> None:
    page = russian.path.read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;Нордавель" in page
    assert "<h1>=Отчёт</h1>" in page


def test_fewer_exclusions_than_the_minimum_are_not_counted(
    records: pd.DataFrame, read_records: Callable[[pd.DataFrame], Cohort], tmp_path: Path
) -> None:
    frame = records[records["country"] == "XPV"].drop(columns="stage").copy()
    frame["sex"] = frame["sex"].fillna("male")
    cohort = read_records(frame)
    assert cohort.rows_read - len(cohort) == 3
    made = report(cohort, out=tmp_path, progress=False)
    flow = made.tables["flow"]
    assert flow["rows"].iloc[:-1].isna().all()
    page = made.path.read_text(encoding="utf-8")
    assert "Fewer than 5 rows" in page
    assert f"{cohort.rows_read:,}" not in page
    assert "ranking" not in made.pictures


def test_one_group_of_everything(tmp_path: Path) -> None:
    cohort = demo_cohort(patients=400, seed=2, countries=["XND"], diagnosed=("2015-01-01", "2018-12-31"))
    cohort = cohort.where("iccc_group == 'I' and sex == 'male' and age_group == '1-4'")
    # What an earlier report showed and this one does not must not stay; what is not a report's must.
    for name in ("tables/survival_by_group_and_diagnosis.csv", "pictures/heatmap.svg", "tables/mine.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("earlier", encoding="utf-8")
    made = report(cohort, out=tmp_path, progress=False)
    earlier = [path.name for path in tmp_path.rglob("*.*") if path.read_bytes() == b"earlier"]
    assert earlier == ["mine.txt"]
    page = made.path.read_text(encoding="utf-8")
    assert "nothing to compare" in page
    assert "Diagnoses span fewer than 10 years" in page
    assert set(made.pictures) == set()


def test_a_model_that_cannot_be_fitted_is_a_note(cohort: Cohort, tmp_path: Path) -> None:
    alive = cohort.with_columns(event=np.zeros(len(cohort), dtype=int))
    made = report(alive, out=tmp_path, progress=False)
    page = made.path.read_text(encoding="utf-8")
    assert "The model could not be fitted" in page
    assert "no events" in page
    assert "shown_" not in page
    assert "cox" not in made.tables


def test_a_model_of_the_user_hides_small_terms(cohort: Cohort, tmp_path: Path) -> None:
    made = report(cohort, out=tmp_path, cox_formula="age_years + country + sex:iccc_group", progress=False)
    terms = made.tables["cox"]["level"]
    assert "age_years" in terms.tolist()
    assert not terms.str.contains("XOD").any()
    assert (tmp_path / "pictures" / "forest.svg").exists()


def test_small_cohorts_are_refused(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"^report: the cohort has fewer than 5 patients, so that nothing can be shown\. Check the exclusions "
        r"\(Cohort\.flow\), or read more extracts\.$",
    ):
        report(cohort.where("country == 'XOD'"), out=tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()


def test_life_tables_that_end_early_are_errors(cohort: Cohort, tmp_path: Path) -> None:
    from childsurv.demo import life_table_cells
    from childsurv.lifetable.table import LifeTable

    cells = life_table_cells()
    short = LifeTable.from_frame(cells[cells["year"] < 2010], by="country", mx="mx")
    with pytest.raises(LifeTableError):
        report(cohort, short, out=tmp_path / "none", progress=False)
    assert not (tmp_path / "none").exists()


WHOLE = "report(): minimum= must be a whole number of 1 or more."
YEARS = "report(): years= takes at least one number of years greater than 0."


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"language": "de"}, OptionError, "language='de' is not a choice; use one of 'en', 'ru'."),
        ({"minimum": 0}, OptionError, WHOLE),
        ({"minimum": 2.5}, OptionError, WHOLE),
        ({"years": ()}, OptionError, YEARS),
        ({"years": (0, 5)}, OptionError, YEARS),
        (
            {"years": ("five",)},
            OptionError,
            "report(): years= takes numbers of years since diagnosis, such as (1, 3, 5).",
        ),
        ({"level": 95}, OptionError, "level=95 must lie between 0 and 1; write 0.95 for 95 %."),
        (
            {"by": ()},
            OptionError,
            "report(): by= names the column whose groups are compared, such as 'country'.",
        ),
        (
            {"reference": "XAA"},
            OptionError,
            "reference='XAA' is no group of 'country'; the groups shown are XND, XPV, XSM, Other, merged (2).",
        ),
        (
            {"reference": "XPV", "cox_formula": "sex"},
            OptionError,
            "report(): reference= belongs to the model of all groups; a cox_formula= has its own.",
        ),
    ],
)
def test_wrong_options(
    cohort: Cohort, tmp_path: Path, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(words)}$"):
        report(cohort, out=tmp_path / "none", progress=False, **options)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("options", [{"by": "nation"}, {"diagnosis": "nation"}])
def test_columns_that_are_not_there_are_named(
    cohort: Cohort, tmp_path: Path, options: dict[str, str]
) -> None:
    columns = ", ".join(cohort.frame.columns)
    message = f"report: no column 'nation'. The data have the columns: {columns}."
    with pytest.raises(ColumnError) as caught:
        report(cohort, out=tmp_path / "none", progress=False, **options)
    assert re.sub(r"Did you mean [^?]*\? ", "", str(caught.value)) == message
    assert not (tmp_path / "none").exists()


def test_wrong_kinds_of_arguments(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError,
        match=r"^report\(\) takes a Cohort, as read_extract makes one; it was given a DataFrame\.$",
    ):
        report(cohort.data, out=tmp_path, progress=False)  # type: ignore[arg-type]
    with pytest.raises(
        OptionError, match=r"^report\(\): life_table is a DataFrame, not a LifeTable; see read_life_table\.$"
    ):
        report(cohort, cohort.data, out=tmp_path, progress=False)  # type: ignore[arg-type]
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OptionError, match=r"^report\(\): out='.*file' is a file; name a folder\.$"):
        report(cohort, out=file, progress=False)


def test_missing_libraries_are_named(cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(
        MissingExtraError,
        match=r"^A report needs the library 'jinja2'\. Install it with: pip install 'childsurv\[report\]'$",
    ):
        report(cohort, out=tmp_path, progress=False)


def test_a_report_can_be_pickled_and_copied(made: Report) -> None:
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert (again.path, dict(again.pictures)) == (made.path, dict(made.pictures))
        for name, table in made.tables.items():
            pd.testing.assert_frame_equal(again.tables[name], table)
        with pytest.raises(TypeError):
            again.tables["more"] = pd.DataFrame()


def test_a_report_can_be_in_a_language_of_the_user(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_ADDED", {})
    own = tmp_path / "be.toml"
    russian_words = resources.files("childsurv.words").joinpath("ru.toml").read_text(encoding="utf-8")
    own.write_text(
        russian_words.replace('quality = "Качество данных"', 'quality = "Якасць даных"'), encoding="utf-8"
    )
    language = catalogue.add_language(own)
    few = cohort.where("country in ['XPV', 'XND']").where("iccc_group in ['I', 'V']")
    page = report(few, out=tmp_path / "report", language=language, progress=False).path.read_text(
        encoding="utf-8"
    )
    assert '<html lang="be">' in page
    assert "Якасць даных" in page
    # The classification has no names in that language.
    assert "Retinoblastoma" in page
