"""What the simulation assumes: invented countries, tumours and their codes, stages, effects on the hazard.

The tables are CSV files beside this module. Rates and survival are round numbers of the size generally
known for childhood cancer (Steliarova-Foucher et al. 2017, doi:10.1016/S1470-2045(17)30186-9); they belong to
no country.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import OptionError

FloatArray = npt.NDArray[np.float64]

FOLDER = Path(__file__).parent

SIMULATED = "(simulated)"
"""Follows the name of every invented country in what people read."""

AGE_GROUPS = ("0", "1-4", "5-9", "10-14", "15-19")
AGE_FIRST_YEARS = np.array([0, 1, 5, 10, 15])
AGE_WIDTHS = np.array([1, 4, 5, 5, 5])
SEXES = ("female", "male")
STAGE_CLASSES = ("localised", "metastatic", "regional", "unknown")

ROMAN_STAGE_CLASSES = {"I": "localised", "II": "localised", "III": "regional", "IV": "metastatic"}
"""Stages as the Russian extracts give them, which know no others."""

STAGE_SYSTEM = "Toronto"
STAGE_UNKNOWN = "X"

AGE_EFFECTS = np.array([0.0, -0.30, -0.25, -0.08, 0.05])
SEX_EFFECTS = np.array([-0.06, 0.0])
STAGE_EFFECTS = np.array([0.0, 1.25, 0.45, 0.55])
"""Log hazard ratios of `AGE_GROUPS`, `SEXES` and `STAGE_CLASSES`; 0 at the reference."""

NON_MALIGNANT_EFFECT = -1.40
PERIOD_EFFECT_PER_YEAR = -0.034
REFERENCE_PERIOD = 2000

COURSE_BREAKS = np.array([0.0, 7.0, 91.0, 365.0, 730.0, 1826.0, 3652.0])
"""Days since diagnosis at which the excess hazard of a diagnosis changes."""


def _read(name: str) -> pd.DataFrame:
    # Stages such as "1" and blank schemes are text, so nothing is left to pandas to guess.
    text = pd.read_csv(FOLDER / name, dtype=str, keep_default_na=False, encoding="utf-8")
    for column in text.columns:
        if column in TEXT_COLUMNS:
            continue
        text[column] = pd.to_numeric(text[column])
    return text


TEXT_COLUMNS = frozenset(
    {
        "code", "name", "name_cyrillic", "subgroup", "group", "cause", "topography", "sex", "scheme", "stage",
        "stage_class", "country", "layout", "encoding", "separator", "file",
    }
)  # fmt: skip


@cache
def country_table() -> pd.DataFrame:
    """Return the parameters of the thirteen countries; not to be changed."""
    return _read("countries.csv")


@cache
def subgroup_table() -> pd.DataFrame:
    """Return incidence by age, share of boys, survival and cause of death of each ICCC-3 subgroup."""
    return _read("subgroups.csv")


@cache
def code_table() -> pd.DataFrame:
    """Return the ICD-O-3 codes of each subgroup with their shares, and the subgroup's position."""
    codes = _read("codes.csv")
    subgroups = subgroup_table()
    codes["position"] = pd.Index(subgroups["subgroup"]).get_indexer(pd.Index(codes["subgroup"]))
    own = subgroups["cause"].to_numpy()[codes["position"]]
    codes["cause"] = np.where(own == "", codes["topography"].str.slice(0, 3), own)
    return codes


@cache
def course_table() -> pd.DataFrame:
    """Return how each main group's excess hazard to five years is spread over time."""
    return _read("courses.csv")


@cache
def stage_table() -> pd.DataFrame:
    """Return stage values by scheme, their class and their share among the staged."""
    return _read("stages.csv")


@cache
def delivery_table() -> pd.DataFrame:
    """Return how each country sends its file: layout, variant of it, encoding, separator, file name."""
    return _read("deliveries.csv")


def countries() -> pd.DataFrame:
    """Return the invented countries: ``country, name, name_cyrillic, registries, age_limit``.

    The codes begin with X, a range that ISO 3166 leaves to its users, so none is a real country's. Names are
    followed by "(simulated)".

    Returns
    -------
    DataFrame
        One row a country; ``age_limit`` is the age in years that no registered patient has reached.

    Examples
    --------
    >>> import childsurv as cs
    >>> bool(cs.demo.countries()["country"].str.startswith("X").all())
    True
    """
    table = country_table()
    return pd.DataFrame(
        {
            "country": table["code"],
            "name": table["name"] + f" {SIMULATED}",
            "name_cyrillic": table["name_cyrillic"] + " (симуляция)",
            "registries": table["registries"],
            "age_limit": table["age_limit"],
        }
    )


def chosen_countries(codes: Sequence[str] | None) -> pd.DataFrame:
    """Return the parameter rows of some countries, or all; raise an `OptionError` for an unknown code."""
    table = country_table()
    if codes is None:
        return table
    wanted = [codes] if isinstance(codes, str) else list(codes)
    unknown = [code for code in wanted if code not in set(table["code"])]
    if unknown or not wanted or len(set(wanted)) != len(wanted):
        raise OptionError(
            f"countries= takes one or more codes of invented countries: {', '.join(table['code'])}."
            + (f" Not among them: {', '.join(map(repr, unknown))}." if unknown else "")
        )
    return table[table["code"].isin(wanted)].reset_index(drop=True)


def stage_class(stage: pd.Series) -> pd.Series:
    """Return "localised", "regional", "metastatic" or "unknown" for the stages of simulated registers.

    A stage that is missing or X is unknown, and so is every diagnosis without a Toronto stage: the class is
    then the same for the whole diagnosis, and its effect lies in the level of the diagnosis.

    Parameters
    ----------
    stage
        Stage as in the column ``stage`` of `Register.data`, or read back from any of the simulated extracts.

    Examples
    --------
    >>> import pandas as pd
    >>> import childsurv as cs
    >>> cs.demo.stage_class(pd.Series(["1", "M", "y3", "X", None])).tolist()
    ['localised', 'metastatic', 'regional', 'unknown', 'unknown']
    """
    table = stage_table().drop_duplicates("stage")
    classes = dict(zip(table["stage"], table["stage_class"], strict=True)) | ROMAN_STAGE_CLASSES
    names = stage.astype(object).map(classes)
    return names.astype(object).where(names.notna(), "unknown")


def period(diagnosis_date: pd.Series) -> pd.Series:
    """Return the period of diagnosis, five calendar years: "2005-2009".

    Examples
    --------
    >>> import pandas as pd
    >>> import childsurv as cs
    >>> cs.demo.period(pd.Series(pd.to_datetime(["2009-12-31"]))).tolist()
    ['2005-2009']
    """
    first = (diagnosis_date.dt.year // 5 * 5).to_numpy()
    codes, distinct = pd.factorize(first, sort=True)
    labels = np.array([f"{year}-{year + 4}" for year in distinct], dtype=object)
    return pd.Series(labels[codes] if len(labels) else labels, index=diagnosis_date.index, dtype=object)
