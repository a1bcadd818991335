"""Toronto stage: the staging schema of a tumour, its valid stages, and the coarser stage that a value states.

The Toronto consensus principles stage each kind of childhood tumour by its own system. Which tumour has which
schema, and with which values, is in ``toronto_stages.tsv``, after the paediatric schemas of the SEER
Program (version 1.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify.codes import (
    N_TOPOGRAPHIES,
    behaviour_numbers,
    canonical_text,
    morphology_numbers,
    topography_numbers,
)
from childsurv.classify.iccc3_tables import FIRST_MORPHOLOGY, N_MORPHOLOGIES, members, parse_run, read_table
from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import By, columns_list
from childsurv.errors import ChildsurvError, DataError, OptionError, asking, require_columns

NO_SCHEMA = "no schema"
STAGE_SYSTEM = "toronto"
NOT_STAGED = ("", "UNKNOWN", "X", "XX", "N/A", "NA")
"""Values, in capitals, that name no stage."""

MALIGNANT, IN_SITU = 3, 2

ROMAN = {"IV": "4", "III": "3", "II": "2", "I": "1"}
"""Longest first, so that IV is not read as I."""


@dataclass(frozen=True)
class Schema:
    """One staging schema: its tumour, its stages in order, and the coarser stage of those that state one."""

    name: str
    tumour: str
    stages: tuple[str, ...]
    coarse: dict[str, str]


def toronto_schema(topography: Any, morphology: Any, behaviour: Any, age_years: Any) -> pd.DataFrame:
    """Find the schema by which the Toronto principles stage each tumour.

    Parameters
    ----------
    topography, morphology, behaviour
        ICD-O-3 codes, shape ``(n_rows,)``, written as for `childsurv.classify_iccc3`.
    age_years
        Completed years at diagnosis, shape ``(n_rows,)``; one number serves for all.

    Returns
    -------
    pandas.DataFrame
        ``schema`` and ``tumour``, categories; "no schema" where a code is missing or unreadable, or no schema
        holds the tumour. Non-malignant tumours have schemas in the central nervous system only.

    Raises
    ------
    DataError
        If lengths differ.

    References
    ----------
    Gupta S, Aitken JF, Bartels U, et al. Paediatric cancer stage in population-based cancer registries: the
    Toronto consensus principles and guidelines. Lancet Oncol 2016;17:e163-72.
    doi:10.1016/S1470-2045(15)00539-2. Schemas: SEER Program, paediatric staging 1.3.

    Examples
    --------
    >>> toronto_schema(["C71.6", "C42.1"], ["9470", "9861"], [3, 3], [4, 5])
                schema                                           tumour
    0  medulloblastoma  Medulloblastoma and other CNS embryonal tumours
    1        no schema                                        no schema
    """
    sites, _ = topography_numbers(topography)
    kinds, within, _ = morphology_numbers(morphology)
    stated, _ = behaviour_numbers(behaviour)
    behaviours = np.where(stated >= 0, stated, within)
    if not len(sites) == len(kinds) == len(behaviours):
        raise DataError("toronto_schema() needs columns of equal length.")
    ages = np.broadcast_to(np.asarray(age_years, dtype=float), sites.shape)
    known = (sites >= 0) & (kinds >= 0)
    line = _lookup()[np.where(known, kinds - FIRST_MORPHOLOGY, 0), np.where(known, sites, 0)]
    malignant_only = np.array([False, *(row["behaviour"] == "3" for row in _lines())])
    last_age = np.array([0.0, *(float(row["ages"].partition("-")[2] or np.inf) for row in _lines())])
    held = known & (ages <= last_age[line]) & (behaviours >= 0)
    held &= (behaviours == MALIGNANT) | (~malignant_only[line] & (behaviours != IN_SITU))
    line = np.where(held, line, 0)
    index = topography.index if isinstance(topography, pd.Series) else None
    return pd.DataFrame(
        {name: _named(line, [NO_SCHEMA, *(row[name] for row in _lines())]) for name in ("schema", "tumour")},
        index=index,
    )


def _named(places: npt.NDArray[Any], names: list[str]) -> pd.Categorical[Any]:
    distinct = list(dict.fromkeys(names))
    codes = np.array([distinct.index(name) for name in names])[places]
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(distinct))


def toronto_stages(schema: str | None = None) -> pd.DataFrame:
    """Return the stages of one schema, or of all.

    Returns
    -------
    pandas.DataFrame
        ``schema, tumour, stage, coarse``, one row a valid stage in order; ``coarse`` is the coarser stage
        that the value itself states, missing where it states none or none could be confirmed.

    Raises
    ------
    OptionError
        If there is no such schema.

    Examples
    --------
    >>> toronto_stages("neuroblastoma")["stage"].tolist()
    ['L1', 'L2', 'M', 'MS', 'N/A', 'X']
    """
    if schema is not None and schema not in schemas():
        raise OptionError(f"schema={schema!r} is not a schema; choose one of: {', '.join(schemas())}.")
    wanted = [schemas()[schema]] if schema is not None else list(schemas().values())
    rows = [(s.name, s.tumour, stage, s.coarse.get(stage)) for s in wanted for stage in s.stages]
    return pd.DataFrame(rows, columns=["schema", "tumour", "stage", "coarse"])


def check_toronto_stage(stage: Any, schema: Any) -> pd.DataFrame:
    """Write stages in the form of their schema, and report which are valid in it.

    Read are ``2A``, ``2a``, ``IIA``, ``stage 2A``, ``CNS2`` (of leukaemia, as ``20``), with spaces and
    Cyrillic look-alikes; anything else is not valid, never guessed.

    Parameters
    ----------
    stage
        Stages as written, shape ``(n_rows,)``.
    schema
        Schemas as `toronto_schema` names them, shape ``(n_rows,)``.

    Returns
    -------
    pandas.DataFrame
        ``stage`` (cleaned; missing where not valid), ``coarse`` (missing where the value states none),
        ``valid`` (a stage of the schema, X and N/A among them) and ``staged`` (valid and not X or N/A).

    Raises
    ------
    DataError
        If lengths differ, or a schema is unknown.

    Examples
    --------
    >>> check_toronto_stage(["IIa", "L2", "5"], ["hodgkin_lymphoma", "neuroblastoma", "retinoblastoma"])
      stage coarse  valid  staged
    0    2A      2   True    True
    1    L2      L   True    True
    2   NaN    NaN  False   False
    """
    texts, kinds = pd.Series(stage), pd.Series(schema)
    if len(texts) != len(kinds):
        raise DataError("check_toronto_stage() needs columns of equal length.")
    text_codes, distinct_texts = pd.factorize(texts)
    kind_codes, distinct_kinds = pd.factorize(kinds)
    strangers = [str(kind) for kind in distinct_kinds if kind != NO_SCHEMA and kind not in schemas()]
    if strangers:
        raise DataError(f"check_toronto_stage(): unknown schemas in schema=: {len(strangers)}.")
    width = len(distinct_texts) + 1
    pair, pairs = pd.factorize((kind_codes.astype(np.int64) + 1) * width + text_codes + 1)
    answers = [
        _check(
            "" if code % width == 0 else canonical_text(distinct_texts[code % width - 1]),
            NO_SCHEMA if code < width else str(distinct_kinds[code // width - 1]),
        )
        for code in pairs.tolist()
    ]
    columns = {
        "stage": np.array([answer[0] for answer in answers], dtype=object)[pair],
        "coarse": np.array([answer[1] for answer in answers], dtype=object)[pair],
        "valid": np.array([answer[0] is not None for answer in answers], dtype=bool)[pair],
        "staged": np.array([answer[2] for answer in answers], dtype=bool)[pair],
    }
    frame = pd.DataFrame(columns, index=texts.index)
    return frame.assign(**{name: pd.Categorical(frame[name]) for name in ("stage", "coarse")})


def stage_completeness(cohort: Cohort, *, by: By = "registry") -> pd.DataFrame:
    """Return the share of tumours with a valid Toronto stage, by tumour and registry.

    ``staged_percent = 100 * staged / tumours``, where X, N/A, unknown and not valid stages are not staged, and
    neither are stages of another system.

    Parameters
    ----------
    cohort
        A cohort with ``topography, morphology, behaviour, age_years, stage`` and ``stage_system``.
    by
        Columns to split by besides the tumour; ``None`` for none.

    Returns
    -------
    pandas.DataFrame
        The columns of ``by``, ``tumour``, ``tumours`` (count), ``staged``, ``not_valid`` (counts) and
        ``staged_percent``. Tumours without a schema have the row "no schema", where nothing can be staged.

    Examples
    --------
    >>> import childsurv as cs
    >>> table = cs.stage_completeness(cs.demo.cohort(patients=500, seed=1), by=None)
    >>> int(table["tumours"].sum()), bool(table["staged_percent"].dropna().between(0, 100).all())
    (500, True)
    """
    names = columns_list(by)
    data = cohort.frame
    needed = ["topography", "morphology", "behaviour", "age_years", "stage", "stage_system", *names]
    with asking("stage_completeness()"):
        require_columns(data, needed)
    schema = toronto_schema(
        data["topography"].astype(object).replace("unknown", None),
        data["morphology"].where(data["morphology"] >= 0),
        data["behaviour"].where(data["behaviour"] >= 0),
        data["age_years"],
    )
    checked = check_toronto_stage(data["stage"], schema["schema"])
    of_system = data["stage_system"].astype(str).str.casefold().str.startswith(STAGE_SYSTEM).to_numpy()
    has_schema = (schema["schema"] != NO_SCHEMA).to_numpy()
    written = ~data["stage"].astype(str).str.upper().isin(NOT_STAGED).to_numpy()
    counts = pd.DataFrame(
        {
            **{name: data[name] for name in names},
            "tumour": schema["tumour"],
            "tumours": 1,
            "staged": (checked["staged"].to_numpy() & of_system).astype(np.int64),
            "not_valid": (written & of_system & has_schema & ~checked["valid"].to_numpy()).astype(np.int64),
        }
    )
    table = (
        counts.groupby([*names, "tumour"], observed=True, sort=True)[["tumours", "staged", "not_valid"]]
        .sum()
        .reset_index()
    )
    share = 100 * table["staged"] / table["tumours"]
    return table.assign(staged_percent=share.where(table["tumour"] != NO_SCHEMA))


def _check(text: str, schema: str) -> tuple[str | None, str | None, bool]:
    """Return the cleaned stage, the coarser one and whether it is a stage; a stage that is not valid is none."""
    if schema == NO_SCHEMA:
        return None, None, False
    known = schemas()[schema]
    plain = text.removeprefix("STAGE").replace(" ", "")
    if plain.startswith("CNS") and "10" in known.stages:
        plain = f"{plain[3:]}0"
    values = {stage.upper(): stage for stage in known.stages}
    for numeral, number in ROMAN.items():
        if plain not in values and plain.startswith(numeral):
            plain = number + plain.removeprefix(numeral)
    stage = values.get(plain)
    if stage is None:
        return None, None, False
    return stage, known.coarse.get(stage), stage not in NOT_STAGED


@cache
def schemas() -> dict[str, Schema]:
    """Return the schemas by name, in the order of the table."""
    return {
        row["schema"]: Schema(
            name=row["schema"],
            tumour=row["tumour"],
            stages=tuple(row["stages"].split()),
            coarse=dict(pair.split("=") for pair in row["coarse"].split()),
        )
        for row in _lines()
    }


@cache
def _lines() -> tuple[dict[str, str], ...]:
    return tuple(read_table("toronto_stages.tsv"))


@cache
def _lookup() -> npt.NDArray[np.uint8]:
    """Lay the table out as an array morphology x topography: 0 none, else 1 + the number of the line."""
    table = np.zeros((N_MORPHOLOGIES, N_TOPOGRAPHIES), dtype=np.uint8)
    for number, row in enumerate(_lines(), start=1):
        kinds = members(tuple(parse_run(run) for run in row["morphology"].split()))
        sites = members(tuple(parse_run(run) for run in row["topography"].split()))
        cells = np.ix_(kinds - FIRST_MORPHOLOGY, sites)
        if table[cells].any():
            raise ChildsurvError(
                f"the Toronto table of childsurv puts codes of {row['schema']} in two schemas; "
                "reinstall childsurv"
            )
        table[cells] = number
    table.flags.writeable = False
    return table
