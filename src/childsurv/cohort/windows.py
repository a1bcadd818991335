"""The approaches of survival analysis over calendar time: cohort, complete, period and hybrid.

Each chooses which children contribute which part of follow-up, and nothing else: the result is a `Cohort`, for any
estimator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import Cohort, Window, window_dates
from childsurv.cohort.follow_up import require_rows
from childsurv.errors import OptionError
from childsurv.maths.calendar import DAYS_PER_YEAR, days_of


def cohort_approach(cohort: Cohort, *, diagnosed: Window, years: float) -> Cohort:
    """Return children diagnosed in a window who could all be followed for some years, with that much follow-up.

    Survival to ``years`` then rests on the same children throughout; it is known late, about children of some years
    ago.

    Parameters
    ----------
    cohort
        With a closing date.
    diagnosed
        First and last date of diagnosis.
    years
        Length of follow-up that every child could reach before the closing date; follow-up ends there.

    Returns
    -------
    Cohort

    Raises
    ------
    DataError
        The cohort has no closing date, or it comes too early for those diagnosed last.

    References
    ----------
    Brenner H, Gefeller O, Hakulinen T. Period analysis for 'up-to-date' cancer survival data: theory, empirical
    evaluation, computational realisation and applications. Eur J Cancer 2004; 40:326-35. doi:10.1016/j.ejca.2003.10.013

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=1000, seed=1)
    >>> early = cs.cohort_approach(cohort, diagnosed=("2005-01-01", "2009-12-31"), years=5)
    >>> bool(early.data["time"].max() <= 1827)
    True
    """
    first, last = window_dates(diagnosed, "diagnosed")
    if first is None or last is None:
        raise OptionError("cohort_approach: diagnosed= takes a first and a last date.")
    if not years > 0:
        raise OptionError("cohort_approach: years= takes a length greater than 0.")
    if not np.isfinite(years):
        raise OptionError("cohort_approach: years= takes a finite length.")
    if (cohort.frame["entry"] > 0).any():
        raise OptionError(
            "cohort_approach follows children from diagnosis, and in this cohort some enter late. Give it the cohort "
            "as it was before a window of follow-up was chosen."
        )
    chosen = cohort.window(diagnosed=diagnosed)
    horizon = int(np.floor(years * DAYS_PER_YEAR))
    # Follow-up goes to the end of the day on which the years are over, so that survival at that time is known.
    end = int(np.ceil(years * DAYS_PER_YEAR))
    frame = chosen.frame
    potential = days_of(_closing_dates(chosen)) - days_of(frame["diagnosis_date"])
    require_rows(
        potential < horizon,
        f"cohort_approach: the closing date comes before {years:g} years of follow-up",
        "Take earlier diagnoses, fewer years, or complete_approach(), which uses what follow-up there is.",
    )
    longer = (frame["time"] > end).to_numpy()
    time = np.where(longer, end, frame["time"].to_numpy())
    event = pd.Series(np.where(longer, 0, frame["event"].to_numpy()), index=frame.index).astype(
        frame["event"].dtype
    )
    cut = replace(chosen, frame=frame.assign(time=time, event=event))
    return _named(cut, f"cohort: diagnosed {first:%Y-%m-%d} to {last:%Y-%m-%d}, followed {years:g} years")


def complete_approach(cohort: Cohort, *, diagnosed: Window) -> Cohort:
    """Return children diagnosed in a window with all the follow-up there is, however short.

    More recent than the cohort approach: those diagnosed last contribute to the first years only.

    Parameters
    ----------
    cohort
        Any cohort.
    diagnosed
        First and last date of diagnosis; ``None`` for an open end.

    Returns
    -------
    Cohort

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=1000, seed=1)
    >>> len(cs.complete_approach(cohort, diagnosed=("2010-01-01", None))) < len(cohort)
    True
    """
    first, last = window_dates(diagnosed, "diagnosed")
    begin = "the first" if first is None else f"{first:%Y-%m-%d}"
    end = "the last" if last is None else f"{last:%Y-%m-%d}"
    return _named(cohort.window(diagnosed=diagnosed), f"complete: diagnosed {begin} to {end}, all follow-up")


def period_approach(cohort: Cohort, *, followed: Window) -> Cohort:
    """Return the follow-up that lies in a calendar window, of children diagnosed then or before.

    The most recent: every year since diagnosis is seen in children who lived through it in the window, those diagnosed
    earlier entering late.

    Parameters
    ----------
    cohort
        Any cohort.
    followed
        First and last date of follow-up that counts.

    Returns
    -------
    Cohort
        With ``entry`` where children enter late, which every estimator follows.

    References
    ----------
    Brenner H, Gefeller O. An alternative approach to monitoring cancer patient survival. Cancer 1996; 78:2004-10.
    PMID 8909323

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=1000, seed=1)
    >>> period = cs.period_approach(cohort, followed=("2015-01-01", "2017-12-31"))
    >>> bool((period.data["entry"] > 0).any())
    True
    """
    first, last = window_dates(followed, "followed")
    if first is None or last is None:
        raise OptionError("period_approach: followed= takes a first and a last date.")
    chosen = cohort.window(diagnosed=(None, last), followed=followed)
    return _named(chosen, f"period: followed {first:%Y-%m-%d} to {last:%Y-%m-%d}")


def hybrid_approach(cohort: Cohort, *, diagnosed: Window, followed: Window) -> Cohort:
    """Return the follow-up in a window, and for children diagnosed last all of theirs from diagnosis on.

    For registries that know deaths to a later date than they know diagnoses: in a plain period window the first years
    after diagnosis would be seen in few children or none. Those diagnosed in ``diagnosed``, the last years with
    complete registration, therefore contribute from their diagnosis on; those diagnosed before, from the start of
    ``followed`` on. Both end with ``followed``.

    Parameters
    ----------
    cohort
        Any cohort.
    diagnosed
        First and last date of diagnosis of the children who contribute from diagnosis on.
    followed
        First and last date of the window.

    Returns
    -------
    Cohort

    Raises
    ------
    OptionError
        The diagnoses do not begin before the window, where the hybrid approach is the period approach.

    References
    ----------
    Brenner H, Rachet B. Hybrid analysis for up-to-date long-term survival rates in cancer registries with delayed
    recording of incident cases. Eur J Cancer 2004; 40:2494-501. doi:10.1016/j.ejca.2004.07.022

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=1000, seed=1)
    >>> hybrid = cs.hybrid_approach(
    ...     cohort, diagnosed=("2012-01-01", "2014-12-31"), followed=("2015-01-01", "2017-12-31"))
    >>> len(hybrid) > len(cs.period_approach(cohort, followed=("2015-01-01", "2017-12-31")).where(
    ...     "diagnosis_date <= '2014-12-31'"))
    True
    """
    from_date, to_date = window_dates(diagnosed, "diagnosed")
    first, last = window_dates(followed, "followed")
    if from_date is None or to_date is None or first is None or last is None:
        raise OptionError("hybrid_approach: diagnosed= and followed= take a first and a last date each.")
    if from_date >= first:
        raise OptionError(
            "hybrid_approach: diagnosed= must begin before followed=; otherwise no child contributes more than in "
            "period_approach()."
        )
    chosen = cohort.window(diagnosed=(None, to_date))
    recent = (chosen.frame["diagnosis_date"] >= from_date).to_numpy()
    moved = chosen.followed_between(first, last, from_diagnosis=recent)
    return _named(
        moved,
        f"hybrid: diagnosed {from_date:%Y-%m-%d} to {to_date:%Y-%m-%d} from diagnosis on, earlier ones from "
        f"{first:%Y-%m-%d} on; all to {last:%Y-%m-%d}",
    )


def _closing_dates(cohort: Cohort) -> pd.Series:
    """Return each child's closing date: its own registry's, or that of the cohort."""
    frame = cohort.frame
    own = frame["closing_date"] if "closing_date" in frame else pd.Series(pd.NaT, index=frame.index)
    dates = pd.to_datetime(own)
    if cohort.closing_date is not None:
        dates = dates.fillna(pd.Timestamp(cohort.closing_date))
    require_rows(
        dates.isna().to_numpy(),
        "cohort_approach: the closing date is missing",
        "Read the extract with closing_date=, or use another approach.",
    )
    return dates


def _named(cohort: Cohort, approach: str) -> Cohort:
    """Return the cohort with the approach in its provenance, which every result prints."""
    sources = cohort.provenance or ({},)
    return replace(cohort, provenance=tuple({**source, "approach": approach} for source in sources))
