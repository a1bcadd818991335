"""Fixtures that many tests share: reference material, a small clean extract, settings of hypothesis and matplotlib."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from strategies import clean

mpl.use("Agg")

# The same examples in every run of CI, so that a change is judged by itself; new ones each time elsewhere. No deadline:
# a busy machine is no fault. `make quick` asks for the profile "quick".
ALWAYS: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("childsurv", max_examples=40, derandomize=bool(os.environ.get("CI")), **ALWAYS)
settings.register_profile("quick", max_examples=5, derandomize=True, **ALWAYS)
settings.load_profile("childsurv")

LONG = {
    "test_a_fault_in_100_random_rows_is_found_in_each",
    "test_a_model_of_the_user_hides_small_terms",
    "test_a_model_that_cannot_be_fitted_is_a_note",
    "test_a_report_can_be_in_a_language_of_the_user",
    "test_a_workbook_with_a_title_above_its_headers",
    "test_ambiguous_dates_and_two_digit_years_are_not_decided",
    "test_an_entry_at_diagnosis_is_no_late_entry",
    "test_approaches_are_windows",
    "test_bands_hold_pointwise_limits_and_cover_the_whole_curve",
    "test_clean_extracts_give_no_error_findings",
    "test_colrec_crude_mortality",
    "test_colrec_expected_at_risk",
    "test_consoles_that_cannot_show_a_name_do_not_fail",
    "test_constant_hazards_have_a_closed_form",
    "test_critical_values_are_those_of_simulated_bridges",
    "test_curves_in_any_layout_do_not_overlap",
    "test_deaths_agree_with_hazards_for_every_effect",
    "test_demo_writes_extracts_and_a_report",
    "test_every_code_at_every_site_with_every_behaviour",
    "test_every_picture_in_a_layout_is_whole",
    "test_every_way_of_writing_a_tumour_is_one_tumour",
    "test_examples_of_life_tables_run_in_order",
    "test_expansion_recovers_single_years_of_belarus_russia_and_ukraine",
    "test_fewer_exclusions_than_the_minimum_are_not_counted",
    "test_files_of_r_hold_what_r_printed",
    "test_fractions_as_weights",
    "test_gray_is_its_formula_whatever_the_blocks",
    "test_levels_are_kept_where_there_is_no_difference",
    "test_limits_cover_the_true_incidence_and_gray_keeps_its_level",
    "test_limits_cover_the_truth",
    "test_limits_of_conditional_survival_and_means_cover",
    "test_many_strata_with_few_events",
    "test_mean_and_error_of_many_children_are_those_of_greenwood",
    "test_neither_import_nor_drawing_loads_pyplot",
    "test_no_error_findings_in_clean_files",
    "test_nothing_overlaps_or_is_cut_off",
    "test_one_value_serves_all_extracts",
    "test_page_is_well_formed",
    "test_patients_in_are_those_analysed_and_those_excluded",
    "test_published_crude_mortality",
    "test_rates_do_not_overlap_and_none_is_cut_off",
    "test_read_back_data_are_the_registers",
    "test_reader_finds_every_fault_at_its_row_and_nothing_else",
    "test_reading_costs_at_most_three_times_pandas",
    "test_readme_example_runs",
    "test_registers_of_countries_that_are_added_up",
    "test_relsurv_at_years",
    "test_relsurv_with_other_populations",
    "test_renamed_headers_in_other_styles",
    "test_report_of_extracts_in_several_layouts",
    "test_report_takes_the_options_of_reading",
    "test_rows_are_kept_or_left_out_as_the_truth_says",
    "test_russian_page_is_russian",
    "test_same_seed_gives_the_same_bytes",
    "test_simulated_extracts_are_known_by_their_layouts",
    "test_strange_codes_are_named_and_rare_ones_are_not",
    "test_tallies_of_parts_finish_to_the_result_of_all_rows",
    "test_the_page_on_an_unknown_file_works_as_written",
    "test_the_same_cohort_gives_the_same_files",
    "test_the_same_numbers_make_the_same_bytes",
    "test_the_simulated_truth_comes_back",
    "test_the_table_for_readers_is_the_classification",
    "test_the_ten_lines_run_and_give_their_numbers",
    "test_thirteen_files_in_four_layouts",
    "test_without_faults_nothing_is_left_out",
}
"""Tests that take a second or more, named in one place. None is the only test of its room."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make quick` leaves out."""
    for item in items:
        if getattr(item, "originalname", item.name) in LONG:
            item.add_marker(pytest.mark.long)


MOST_REASONS = 9
"""Lines in which a run says why it left tests out, besides a last one for the rest."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason how many tests were left out or are known to fail, not once for each test."""
    reasons: Counter[str] = Counter()
    for outcome in ("skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            reason = (
                report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
            )
            reasons[f"{outcome}: {reason.removeprefix('Skipped: ')}"] += 1
    for reason, count in reasons.most_common(MOST_REASONS):
        terminalreporter.write_line(f"{count} {reason}")
    rest = reasons.most_common()[MOST_REASONS:]
    if rest:
        terminalreporter.write_line(
            f"{sum(count for _, count in rest)} for {len(rest)} other reasons: pytest -rsx"
        )


REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference data of others, which this repository may not hold."""
    folder = Path(os.environ.get("CHILDSURV_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "reference").is_dir():
        pytest.skip(
            "the folder of shared reference data is not here; name it in CHILDSURV_SHARED. "
            "tests/reference holds the references that need no other data"
        )
    return folder


@pytest.fixture(scope="session")
def lifelines() -> ModuleType:
    """The library lifelines, which cannot be installed beside pandas 3."""
    return pytest.importorskip("lifelines", reason="lifelines is not installed; it needs pandas below 3")


@pytest.fixture(scope="session")
def clean_rows() -> Callable[[int], pd.DataFrame]:
    return clean


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Write text or bytes to a file."""

    def write(content: str | bytes, *, encoding: str = "utf-8", name: str = "extract.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write
