"""The check of Toronto stages: each against the schema of its tumour."""

from __future__ import annotations

import numpy as np
import pandas as pd

from childsurv.classify.toronto import (
    NO_SCHEMA,
    STAGE_SYSTEM,
    check_toronto_stage,
    toronto_schema,
)
from childsurv.extract.classification import Tumours
from childsurv.extract.dates import Days
from childsurv.extract.labels import UNKNOWN, Labels
from childsurv.extract.rules import Found


def check_stages(tumours: Tumours, age_years: Days, stage: Labels, system: Labels, found: Found) -> None:
    """Find Toronto stages that their schema does not have, or whose tumour has no schema.

    Stages of other systems are not checked; the cohort keeps every stage as it was written.
    """
    of_system = [label.casefold().startswith(STAGE_SYSTEM) for label in system.labels]
    rows = np.flatnonzero(np.array(of_system)[system.codes] & ~stage.equals(UNKNOWN))
    if not rows.size:
        return
    sites = np.array([None if code == UNKNOWN else code for code in tumours.topography.labels], dtype=object)
    morphology, behaviour = tumours.morphology[rows], tumours.behaviour[rows]
    schema = toronto_schema(
        pd.Series(sites[tumours.topography.codes[rows]]),
        pd.Series(morphology).where(morphology >= 0),
        pd.Series(behaviour).where(behaviour >= 0),
        age_years[rows],
    )["schema"]
    valid = check_toronto_stage(np.array(stage.labels, dtype=object)[stage.codes[rows]], schema)[
        "valid"
    ].to_numpy()
    without = (schema == NO_SCHEMA).to_numpy()
    for code, where in (("stage-not-valid", ~valid & ~without), ("stage-without-schema", without)):
        mask = np.zeros(len(stage.codes), dtype=bool)
        mask[rows[where]] = True
        found.add(code, mask)
