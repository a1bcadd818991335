"""Indicators of data quality by country or registry: shares verified, unspecified, lost to follow-up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import QUALITY_COUNTS, QUALITY_KEYS, Cohort
from childsurv.cohort.follow_up import By, columns_list
from childsurv.cohort.table_notes import noted
from childsurv.errors import DataError, OptionError, asking, require_columns
from childsurv.maths.calendar import DAYS_PER_YEAR

MICROSCOPIC_BASES = (5, 6, 7)
"""Basis of diagnosis by cytology or histology, IACR/ENCR list."""

UNSPECIFIED_SUBGROUPS = ("Ie", "IIe", "IIIf", "VIc", "VIIc", "VIIIe", "IXe", "XIIb")
"""Subgroups that ICCC-3 itself calls unspecified; those called "other and unspecified" are not among them."""

LOST_AFTER_DAYS = 365


def quality_counts(
    frame: pd.DataFrame, *, eligible: npt.NDArray[np.bool_], vital_status_unknown: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """Count the rows as read, by country and registry (`childsurv.cohort.QUALITY_COUNTS`).

    Parameters
    ----------
    frame
        All rows read: ``country, registry, basis, dco, autopsy, iccc_group, iccc_subgroup, behaviour,
        stage``.
    eligible
        Rows that are tumours of the age band, in ICCC-3, with dates, each once.
    vital_status_unknown
        Rows whose vital status is not known.
    """
    cns = (frame["iccc_group"] == "III").to_numpy()
    non_malignant = frame["behaviour"].isin([0, 1]).to_numpy()
    counted = {
        "rows_read": np.ones(len(frame), dtype=bool),
        "eligible": eligible,
        "microscopically_verified": eligible & frame["basis"].isin(MICROSCOPIC_BASES).to_numpy(),
        "death_certificate_only": eligible & frame["dco"].to_numpy(),
        "autopsy": eligible & frame["autopsy"].to_numpy(),
        "unspecified": eligible & frame["iccc_subgroup"].isin(UNSPECIFIED_SUBGROUPS).to_numpy(),
        "cns": eligible & cns,
        "non_malignant_cns": eligible & cns & non_malignant,
        "stage_unknown": eligible & (frame["stage"] == "unknown").to_numpy(),
        "vital_status_unknown": eligible & vital_status_unknown,
    }
    keys = [frame[name] for name in QUALITY_KEYS]
    columns = {name: values.astype(np.int64) for name, values in counted.items()}
    sums = pd.DataFrame(columns).groupby(keys, observed=True, sort=True).sum().reset_index()
    for name in QUALITY_KEYS:
        sums[name] = sums[name].astype(object)
    return sums[[*QUALITY_KEYS, *QUALITY_COUNTS]]


def data_quality(
    cohort: Cohort,
    *,
    by: By = "country",
    lost_after_days: int = LOST_AFTER_DAYS,
    horizon_years: float | None = None,
) -> pd.DataFrame:
    """Return indicators of data quality by country, by registry, or for all.

    Shares of registration are taken over the eligible tumours as read, before death certificates, autopsies
    and rows without follow-up were left out. Follow-up is judged on the rows analysed:

    ``C = sum of observed person-time / sum of potential person-time``,

    where the potential time of a child who died ends at death, and that of any other at the closing date.

    Parameters
    ----------
    cohort
        A cohort that `read_extract` made, or several put together by `concat`. Conditions applied later
        (``where``, ``window``) change the columns on follow-up, not those on registration.
    by
        "country", "registry", both in a list, or ``None``.
    lost_after_days
        A child is lost to follow-up if alive and last seen more than this many days before the closing date.
    horizon_years
        Count person-time up to this many years since diagnosis only.

    Returns
    -------
    DataFrame
        One row a group: ``rows_read, eligible, analysed`` (counts); in per cent of the eligible
        ``microscopically_verified, death_certificate_only, autopsy, unspecified, stage_unknown,
        vital_status_unknown``; ``non_malignant_cns`` in per cent of eligible tumours of ICCC-3 group III;
        ``lost_to_follow_up`` in per cent of the analysed; ``follow_up_completeness`` (Clark's C) in per cent.
        Missing where there is nothing to divide by. ``attrs["conventions"]`` gives the age band, the edition of
        ICCC-3 and the closing date.

    Raises
    ------
    OptionError
        ``by`` names another column, or a limit is not positive.
    DataError
        The cohort has no counts of rows read, because it was not read from an extract.

    References
    ----------
    Clark TG, Altman DG, De Stavola BL. Quantification of the completeness of follow-up. Lancet
    2002;359:1309-10. doi:10.1016/S0140-6736(02)08272-7

    Examples
    --------
    >>> import childsurv as cs
    >>> table = cs.data_quality(cs.demo.cohort(patients=500, seed=1))
    >>> bool((table["follow_up_completeness"] <= 100).all())
    True
    """
    names = columns_list(by)
    if not set(names) <= set(QUALITY_KEYS):
        raise OptionError(f"data_quality(by=...) takes {' and '.join(map(repr, QUALITY_KEYS))}, or None.")
    if lost_after_days < 0 or (horizon_years is not None and not horizon_years > 0):
        raise OptionError("lost_after_days= must be 0 or more and horizon_years= more than 0.")
    if not len(cohort.quality_counts):
        raise DataError(
            "The cohort was not read from an extract, so there are no counts of the rows as read."
        )
    with asking("data_quality()"):
        require_columns(cohort.frame.columns, ["closing_date", *QUALITY_KEYS])
    counts = _sum_by(cohort.quality_counts, names)
    followed = _sum_by(_follow_up_sums(cohort, lost_after_days, horizon_years), names)
    table = counts.merge(followed, on=names, how="left") if names else counts.join(followed)
    sums = table.fillna(dict.fromkeys(("analysed", "lost", "observed", "potential"), 0))

    def percent(part: str, whole: str) -> pd.Series[float]:
        return 100.0 * sums[part] / sums[whole].where(sums[whole] > 0)

    shares = {
        name: percent(name, "eligible")
        for name in (
            "microscopically_verified",
            "death_certificate_only",
            "autopsy",
            "unspecified",
            "stage_unknown",
            "vital_status_unknown",
        )
    }
    result = pd.DataFrame(
        {name: sums[name] for name in names}
        | {name: sums[name].astype(np.int64) for name in ("rows_read", "eligible", "analysed")}
        | shares
        | {
            "non_malignant_cns": percent("non_malignant_cns", "cns"),
            "lost_to_follow_up": percent("lost", "analysed"),
            "follow_up_completeness": percent("observed", "potential"),
        }
    )
    return noted(result, cohort.conventions)


def _follow_up_sums(cohort: Cohort, lost_after_days: int, horizon_years: float | None) -> pd.DataFrame:
    frame = cohort.frame
    start, end = frame["entry"].to_numpy(np.float64), frame["time"].to_numpy(np.float64)
    died = frame["event"].to_numpy() == 1
    until_closing = (frame["closing_date"] - frame["diagnosis_date"]).dt.days.to_numpy(np.float64)
    horizon = np.inf if horizon_years is None else horizon_years * DAYS_PER_YEAR
    potential = np.where(died, end, until_closing)
    sums: dict[str, npt.ArrayLike] = {
        "analysed": np.ones(len(frame), dtype=np.int64),
        "lost": (~died & (until_closing - end > lost_after_days)).astype(np.int64),
        "observed": np.maximum(np.minimum(end, horizon) - start, 0.0),
        "potential": np.maximum(np.minimum(potential, horizon) - start, 0.0),
    }
    keys = {name: frame[name].astype(object) for name in QUALITY_KEYS}
    return pd.DataFrame(keys | sums)


def _sum_by(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    numbers = [name for name in table.columns if name not in QUALITY_KEYS]
    if not names:
        return table[numbers].sum().to_frame().T
    return table.groupby(names, sort=False, as_index=False, observed=True)[numbers].sum()
