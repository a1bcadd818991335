"""The checks of one extract: what a tumour record may not say, each by a rule of ``rules.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify import classify_iccc3
from childsurv.errors import require_choice
from childsurv.extract.dates import NO_DAY, Days, Mask
from childsurv.extract.records import NO_CODE, UNKNOWN, Labels
from childsurv.extract.rules import Found, rules

Codes: TypeAlias = npt.NDArray[np.intp]

AGE_BANDS: dict[str, int] = {"0-14": 14, "0-17": 17, "0-18": 18, "0-19": 19}
"""Age bands by name, and the last completed year of age in each."""

NOT_CLASSIFIED = "not classified"
FEMALE_SITES = range(51, 59)
MALE_SITES = range(60, 64)


def check_age_band(years: Days, known: Mask, age_band: str | None, found: Found) -> None:
    """Find the rows outside an age band; ``None`` is every age."""
    if age_band is None:
        return
    require_choice(age_band, tuple(AGE_BANDS), argument="age_band")
    found.facts["age_band"] = age_band
    found.add("age-out-of-band", known & ((years < 0) | (years > AGE_BANDS[age_band])))


def check_sex_site(sex: Labels, topography: Labels, found: Found) -> None:
    """Find sites that the sex does not have: males C51-C58, females C60-C63 (IARC Technical Report 42)."""
    site = np.array([int(code[1:3]) if code != UNKNOWN else -1 for code in topography.labels])[
        topography.codes
    ]
    wrong = (sex.equals("male") & _within(site, FEMALE_SITES)) | (
        sex.equals("female") & _within(site, MALE_SITES)
    )
    found.add("sex-topography", wrong)


def _within(site: npt.NDArray[np.int64], sites: range) -> Mask:
    return (site >= sites.start) & (site < sites.stop)


def classify(
    topography: Labels,
    morphology: npt.NDArray[np.int32],
    behaviour: npt.NDArray[np.int8],
    *,
    edition: str,
    found: Found,
) -> pd.DataFrame:
    """Classify by ICCC-3 and find the rows that it does not hold, by the reason.

    Returns
    -------
    DataFrame
        ``iccc_group, iccc_subgroup, iccc_extended``, categories without missing values: "not classified"
        where no class holds the row, and the subgroup as ``iccc_extended`` where it is not divided.
    """
    sites = topography.categorical()
    sites = sites.remove_categories([UNKNOWN]) if UNKNOWN in sites.categories else sites
    # Each combination of codes is classified once, however many rows have it.
    kinds, kind = np.unique(morphology, return_inverse=True)
    key = ((sites.codes.astype(np.int64) + 1) * len(kinds) + kind) * 16 + (behaviour.astype(np.int64) + 1)
    combination, distinct = pd.factorize(key)
    rest, distinct_behaviour = np.divmod(distinct, 16)
    site, distinct_kind = np.divmod(rest, len(kinds))
    names = np.array([*sites.categories, None], dtype=object)
    classes = classify_iccc3(
        pd.Series(names[site - 1], dtype=object),
        _nullable(kinds[distinct_kind]),
        _nullable(distinct_behaviour - 1),
        edition=edition,
    )
    known = (site > 0) & (kinds[distinct_kind] != NO_CODE) & (distinct_behaviour > 0)
    lacking = known & classes["iccc_group"].isna().to_numpy()
    value = distinct_behaviour - 1
    reasons = {
        "in-situ": value == 2,
        "behaviour-not-primary": (value == 6) | (value == 9),
        "non-malignant-outside-cns": (value == 0) | (value == 1),
        "not-classified": value == 3,
    }
    for code, reason in reasons.items():
        found.add(code, (lacking & reason)[combination])
    levels = {
        name: classes[name].to_numpy(dtype=object)
        for name in ("iccc_group", "iccc_subgroup", "iccc_extended")
    }
    unclassified = classes["iccc_group"].isna().to_numpy()
    undivided = classes["iccc_extended"].isna().to_numpy()
    levels["iccc_extended"] = np.where(undivided, levels["iccc_subgroup"], levels["iccc_extended"])
    columns = {
        name: Labels(combination, tuple(np.where(unclassified, NOT_CLASSIFIED, labels)))
        for name, labels in levels.items()
    }
    return pd.DataFrame({name: in_order(name, column) for name, column in columns.items()})


def in_order(name: str, column: Labels) -> pd.Categorical:
    """Return a categorical of a canonical column, its categories in their own order."""
    from childsurv.cohort import category_order

    plain = column.categorical()
    ordered = name == "age_group" or name.startswith("iccc_")
    return plain.reorder_categories(category_order(name, plain.categories), ordered=ordered)


def _nullable(numbers: npt.NDArray[np.int64] | npt.NDArray[np.int32]) -> pd.Series:
    values = numbers.astype(np.int64)
    return pd.Series(pd.arrays.IntegerArray(values, values == NO_CODE))


def check_tumours(
    patient: Codes,
    tumour: Codes | None,
    *,
    has_patient: Mask,
    has_tumour: Mask,
    diagnosis: Days,
    topography: Codes,
    morphology: npt.NDArray[np.int32],
    found: Found,
) -> None:
    """Find repeated records, one tumour under two identifiers, and later tumours of a child.

    The first tumour of a child is the earliest diagnosis (the earlier row on one day) among the rows that are
    eligible tumours, whatever their follow-up. Of repeated rows the first of the file stays.

    Parameters
    ----------
    patient
        Code of the child within country and registry, shape ``(n_rows,)``.
    tumour
        Code of the tumour identifier; ``None`` where the extract has none.
    has_patient, has_tumour
        Where there is an identifier.
    diagnosis, topography, morphology
        What tells tumours apart.
    found
        Takes the findings; must hold those of eligibility already.
    """
    counts = np.bincount(patient[has_patient], minlength=int(patient.max()) + 1)
    several = np.flatnonzero(has_patient & (counts[patient] > 1))
    if not several.size:
        return
    rows = pd.DataFrame(
        {
            "patient": patient[several],
            "tumour": several
            if tumour is None
            else np.where(has_tumour[several], tumour[several], -1 - several),
            "diagnosis": diagnosis[several],
            "topography": topography[several],
            "morphology": morphology[several],
        }
    )
    _add(found, "duplicate-record", several, rows.duplicated(["patient", "tumour"]).to_numpy())
    dated = rows["diagnosis"] != NO_DAY
    same = rows.duplicated(["patient", "diagnosis", "topography", "morphology"]).to_numpy() & dated.to_numpy()
    repeated = found.any_of(["duplicate-record"])[several]
    _add(found, "duplicate-tumour", several, same & ~repeated)
    eligible = ~found.any_of(ineligible_codes())[several] & dated.to_numpy()
    ranked = rows[eligible].assign(row=several[eligible]).sort_values(["patient", "diagnosis", "row"])
    later = ranked["row"].to_numpy()[ranked.duplicated("patient").to_numpy()]
    second = np.zeros(len(patient), dtype=bool)
    second[later] = True
    found.add("second-primary", second)


def ineligible_codes() -> Sequence[str]:
    """Return the codes of the rules whose rows are not eligible tumours."""
    return [code for code, rule in rules().items() if not rule.eligible]


def _add(found: Found, code: str, rows: npt.NDArray[np.intp], where: Mask) -> None:
    mask = np.zeros(found.row_number.size, dtype=bool)
    mask[rows[where]] = True
    found.add(code, mask)
