"""What tests share: strategies of hypothesis, small life tables with known hazards, simulated rows, whole messages.

``tests`` is on Python's path (``pythonpath`` in pyproject.toml), so that every test says ``from strategies import``.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from childsurv.curves.curves import Curves
from childsurv.lifetable.table import LifeTable
from childsurv.survival.observed import kaplan_meier

LAST_DAY = 40
AGES = (0, 1, 2, 5, 60, 61)
YEARS = range(1999, 2012)
# The day before a first birthday, the birthday, 29 February among them, and the old, whose hazards are high.
AGES_IN_DAYS = (0, 1, 300, 364, 365, 366, 729, 1460, 1461, 1462, 21_900, 21_915)


TWO_GROUPS = pd.DataFrame(
    {
        "t": [10, 400, 800, 900, 50, 60, 3000, 2000],
        "d": [1, 0, 1, 0, 1, 1, 0, 0],
        "g": ["a"] * 4 + ["b"] * 4,
        "h": ["x", "y"] * 4,
    }
)


def two_curves(**options: object) -> Curves:
    """Return Kaplan-Meier curves of the two small groups."""
    return kaplan_meier(TWO_GROUPS, **{"time": "t", "event": "d", "by": "g"} | options)


def exactly(message: str) -> str:
    """Return the pattern of a whole message, for ``match=`` of pytest.raises and pytest.warns."""
    return rf"\A{re.escape(message)}\Z"


def examples(most: int) -> settings:
    """Return settings with so many examples, or as few as the profile asks for (`make quick`)."""
    return settings(max_examples=min(most, settings().max_examples))


def hazard_of(sex: str, age: int, year: int) -> float:
    """Hazards per day that differ in every cell, up to 0.01: far beyond a child's, so that nothing hides."""
    return 0.0001 * (1 + (age * 7 + year * 3 + (sex == "male") * 5) % 11) * (9 if age >= 60 else 1)


def table_of(hazard: Any, *, years: range = YEARS) -> LifeTable:
    """Return the life table of a hazard per day by sex, age and year."""
    rows = [
        (sex, age, year, hazard(sex, age, year))
        for sex in ("male", "female")
        for age in AGES
        for year in years
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


TABLE = table_of(hazard_of)
NOUGHT = table_of(lambda sex, age, year: 0.0)
SHORT = table_of(hazard_of, years=range(1999, 2004)).extend("last")
"""Ends on 31 December 2003, among the diagnoses that are drawn, and goes on with its last cells."""


@st.composite
def patients(
    draw: st.DrawFn,
    *,
    min_size: int = 1,
    max_size: int = 12,
    late: bool = True,
    days: int = LAST_DAY,
    first_day: int = 1,
) -> pd.DataFrame:
    """Draw patients with many ties, whose diagnoses fall about birthdays and 1 January.

    ``late=False`` draws no late entries; ``first_day=0`` also draws follow-up that ends on the day of diagnosis.
    """
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(first_day, days),
                st.integers(0, days - 1) if late else st.just(0),
                st.integers(0, 1),
                st.sampled_from(["a", "b", "c"]),
                st.sampled_from(["male", "female"]),
                st.sampled_from(AGES_IN_DAYS),
                st.integers(0, 60),
                st.integers(1, 3),
            ),
            min_size=min_size,
            max_size=max_size,
        )
    )
    frame = pd.DataFrame(
        rows, columns=["time", "entry", "event", "group", "sex", "age_days", "after", "weight"]
    )
    frame["entry"] = np.where(frame["entry"] < frame["time"], frame["entry"], 0)
    frame["diagnosis_date"] = pd.Timestamp("2003-12-10") + pd.to_timedelta(frame.pop("after"), "D")
    return frame


def random_patients(seed: int, size: int, days: int) -> pd.DataFrame:
    """Return patients as above by a seed: as many and for as long as one likes."""
    rng = np.random.default_rng(seed)
    time = rng.integers(1, days + 1, size)
    return pd.DataFrame(
        {
            "time": time,
            "entry": np.where(rng.random(size) < 0.5, rng.integers(0, time), 0),
            "event": rng.integers(0, 2, size),
            "group": rng.choice(["a", "b", "c"], size),
            "sex": rng.choice(["male", "female"], size),
            "age_days": rng.choice([0, 1, 300, 365, 1461, 21_900], size),
            "diagnosis_date": pd.Timestamp("2000-02-20") + pd.to_timedelta(rng.integers(0, 700, size), "D"),
        }
    )


@st.composite
def pairs_of_groups(draw: st.DrawFn, *, late: bool = True) -> pd.DataFrame:
    """Draw patients of two groups, neither empty, with at least one death."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(1, 40),
                st.integers(0, 39) if late else st.just(0),
                st.integers(0, 1),
                st.sampled_from(["male", "female"]),
                st.sampled_from([0, 1, 300, 364, 365, 366, 729]),
                st.integers(0, 40),
            ),
            min_size=4,
            max_size=14,
        )
    )
    frame = pd.DataFrame(rows, columns=["time", "entry", "event", "sex", "age_days", "after"])
    frame["entry"] = np.where(frame["entry"] < frame["time"], frame["entry"], 0)
    frame["diagnosis_date"] = pd.Timestamp("2003-12-10") + pd.to_timedelta(frame.pop("after"), "D")
    frame["group"] = np.where(np.arange(len(frame)) % 2, "a", "b")
    frame.loc[0, "event"] = 1
    return frame


DATE_OF_DIAGNOSIS = pd.Timestamp("2010-01-01")


def dated(frame: pd.DataFrame, **days: object) -> pd.DataFrame:
    """Add a date of diagnosis and dates so many days after it, none where the day is missing or negative."""
    frame = frame.assign(diagnosis_date=DATE_OF_DIAGNOSIS)
    for name, values in days.items():
        after = pd.Series(values, index=frame.index, dtype=float)
        known = after >= 0
        # pandas rounds what lies in memory at missing days, which overflows now and then: none are missing here.
        dates = DATE_OF_DIAGNOSIS + pd.to_timedelta(after.where(known, 0.0), unit="D")
        frame[name] = dates.where(known)
    return frame


@st.composite
def changing_states(draw: st.DrawFn) -> pd.DataFrame:
    """Draw children with many ties, some of whom skip states, enter late, or change twice on one day."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(1, 20), st.integers(0, 1), st.integers(-8, 20), st.integers(-8, 20),
                st.integers(0, 12), st.sampled_from("ab"),
            ),
            min_size=2, max_size=14,
        )
    )  # fmt: skip
    frame = pd.DataFrame(rows, columns=["time", "event", "one", "two", "entry", "group"])
    first = np.minimum(frame["one"], frame["time"])
    second = np.where(frame["two"] < 0, -1, np.clip(frame["two"], np.maximum(first, 0), frame["time"]))
    frame["entry"] = np.where(frame["entry"] < frame["time"], frame["entry"], 0)
    return dated(frame.drop(columns=["one", "two"]), remission=first, relapse=second)


TUMOURS = (("C71.6", "9470", "3"), ("C42.1", "9811", "3"), ("C64.9", "8960", "3"), ("C71.1", "9421", "1"))


def clean(rows: int) -> pd.DataFrame:
    """Return rows without a fault, as text of the layout childsurv; all follows from the row number."""
    number = np.arange(rows)
    birth = np.datetime64("2000-01-15") + (37 * number % 3_000).astype("timedelta64[D]")
    diagnosis = birth + (400 + 53 * number % 1_900).astype("timedelta64[D]")
    contact = diagnosis + (11 + 71 * number % 2_000).astype("timedelta64[D]")
    site, kind, behaviour = zip(*(TUMOURS[place % len(TUMOURS)] for place in number), strict=True)
    dead = number % 3 == 0
    return pd.DataFrame(
        {
            "patient_id": [f"P{place}" for place in number],
            "tumour_id": [f"T{place}" for place in number],
            "country": np.where(number % 2, "Xenia", "Ypsil"),
            "registry": "North",
            "sex": np.where(number % 2, "male", "female"),
            "birth_date": birth.astype(str),
            "diagnosis_date": diagnosis.astype(str),
            "age_years": "",
            "topography": site,
            "morphology": kind,
            "behaviour": behaviour,
            "basis": np.where(number % 5, "7", "5"),
            "grade": "",
            "stage": np.where(number % 4, "L", ""),
            "last_contact_date": contact.astype(str),
            "vital_status": np.where(dead, "dead", "alive"),
            "cause_of_death": np.where(dead, "C71", ""),
            "dco": "false",
            "autopsy": "",
        },
        dtype=object,
    )


@st.composite
def cases(draw: st.DrawFn, *, late: bool = True, first_day: int = 0, deaths: int = 1) -> pd.DataFrame:
    """Draw patients with all that estimators read: causes, strata, weights, dates of states, a death in each group.

    Either some enter late, or some die or are lost on the day of diagnosis (both at once is for a Cohort only). With
    the life table `SHORT` most are followed into cells that were carried on.
    """
    late = late and draw(st.booleans())
    frame = draw(patients(min_size=3, max_size=14, late=late, first_day=1 if late else first_day))
    size = len(frame)
    each = st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from("xy"), st.integers(-8, 40)), min_size=size, max_size=size
    )
    frame[["cause", "stratum", "relapse_day"]] = draw(each)
    first = frame.groupby("group").cumcount() < deaths
    cause = frame["cause"].astype(int)
    frame["cause"] = np.where(first, np.maximum(cause, 1), cause)
    frame["event"] = (frame["cause"] > 0).astype(int)
    frame["fraction"] = 0.25 * frame["weight"] + 0.1
    after = np.minimum(frame.pop("relapse_day"), frame["time"])
    relapse = frame["diagnosis_date"] + pd.to_timedelta(np.maximum(after, 0), "D")
    return frame.assign(relapse=relapse.where(after >= 0))
