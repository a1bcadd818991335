"""The checks of one extract: what a tumour record may not say, each by a rule of ``rules.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.age_schemes import AGE_BANDS
from childsurv.errors import require_choice
from childsurv.extract.dates import NO_DAY, Days, Mask
from childsurv.extract.multiple_primaries import repeated_tumours
from childsurv.extract.rules import Found

Codes: TypeAlias = npt.NDArray[np.intp]


def check_age_band(years: Days, known: Mask, age_band: str | None, found: Found) -> None:
    """Find the rows outside an age band; ``None`` is every age."""
    if age_band is None:
        return
    require_choice(age_band, tuple(AGE_BANDS), argument="age_band")
    found.facts["age_band"] = age_band
    found.add("age-out-of-band", known & ((years < 0) | (years > AGE_BANDS[age_band])))


def check_tumours(
    patient: Codes,
    tumour: Codes | None,
    *,
    has_patient: Mask,
    has_tumour: Mask,
    diagnosis: Days,
    contact: tuple[Days, Days],
    site: Codes,
    organ: npt.NDArray[np.int64],
    morphology: npt.NDArray[np.int32],
    malignant: Mask,
    group: Codes,
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
    diagnosis, site, morphology
        What tells tumours apart; the site is a code of topography and ICD-10 together.
    organ, malignant
        Two-digit site of the topography, -1 where not known, and whether the behaviour is 3: what the rules
        for multiple primaries look at.
    group
        Code of the main group of ICCC-3.
    contact
        First and last possible day of last contact, `NO_DAY` where there is none.
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
            "site": site[several],
            "morphology": morphology[several],
            "contact_first": contact[0][several],
            "contact_last": contact[1][several],
        }
    )
    seen = rows.loc[rows["contact_first"] != NO_DAY].groupby("patient")
    apart = seen["contact_first"].max() > seen["contact_last"].min()
    differs = rows["patient"].isin(apart.index[apart]).to_numpy()
    _add(found, "last-contact-differs-between-records", several, differs)
    _add(found, "duplicate-record", several, rows.duplicated(["patient", "tumour"]).to_numpy())
    dated = rows["diagnosis"] != NO_DAY
    same = rows.duplicated(["patient", "diagnosis", "site", "morphology"]).to_numpy() & dated.to_numpy()
    repeated = found.any_of(["duplicate-record"])[several]
    _add(found, "duplicate-tumour", several, same & ~repeated)
    eligible = ~found.any_of(ineligible_codes(found))[several] & dated.to_numpy()
    ranked = rows[eligible].assign(row=several[eligible], group=group[several][eligible])
    ranked = ranked.sort_values(["patient", "diagnosis", "row"])
    order = ranked["row"].to_numpy()
    _add(found, "second-primary", order, ranked.duplicated("patient").to_numpy())
    _add(found, "second-primary-of-group", order, ranked.duplicated(["patient", "group"]).to_numpy())
    compared = order[(organ[order] >= 0) & (morphology[order] >= 0) & malignant[order]]
    child = patient[compared].astype(np.int64)
    again = repeated_tumours(child, organ[compared], morphology[compared].astype(np.int64))
    later = pd.Series(child).duplicated().to_numpy()
    _add(found, "possible-same-tumour", compared, again)
    _add(found, "multiple-primary", compared, later & ~again)


def ineligible_codes(found: Found) -> Sequence[str]:
    """Return the codes of the rules whose rows are not eligible tumours."""
    return [code for code, rule in found.known.items() if not rule.eligible]


def _add(found: Found, code: str, rows: npt.NDArray[np.intp], where: Mask) -> None:
    mask = np.zeros(found.row_number.size, dtype=bool)
    mask[rows[where]] = True
    found.add(code, mask)
