"""What a change of the edition of ICCC-3 does to a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from childsurv.classify.iccc3 import LEVELS, classify_iccc3
from childsurv.classify.iccc3_tables import EDITIONS
from childsurv.errors import OptionError, asking, require_choice, require_columns

if TYPE_CHECKING:
    from childsurv.cohort.cohort import Cohort
    from childsurv.cohort.follow_up import By

NOT_CLASSIFIED = "not classified"
NO_CODES = "no ICD-O-3 codes"


def compare_editions(
    cohort: Cohort,
    *,
    editions: tuple[str, str] = ("2005", "2017"),
    level: str = "group",
    by: By = None,
) -> pd.DataFrame:
    """Count the tumours in each class of ICCC-3 under two editions, and those that move between classes.

    Tumours are classified anew from their ICD-O-3 codes; the classes of the cohort are not used. Rows that
    `childsurv.read_extract` left out, for example because its edition did not hold them, are not in the cohort:
    read it with ``exclude="minimal"`` to count them too.

    Parameters
    ----------
    cohort
        A cohort with ``topography, morphology`` and ``behaviour``.
    editions
        Two of "2005", "2017" and "2017-icdo3.2".
    level
        "group", "subgroup" or "extended"; undivided subgroups stand for themselves in "extended".
    by
        Columns to split by, for example "country".

    Returns
    -------
    DataFrame
        The columns of ``by``, ``from`` and ``to`` (the class under the first and the second edition; "not
        classified" where the edition holds no such tumour, "no ICD-O-3 codes" where only ICD-10 is known),
        ``tumours`` (count) and ``moves`` (whether the two differ), in the official order.

    Raises
    ------
    OptionError
        If an edition or level is unknown, or the editions are the same.

    Examples
    --------
    >>> import childsurv as cs
    >>> table = cs.compare_editions(cs.demo.cohort(patients=500, seed=1))
    >>> int(table["tumours"].sum())
    500
    """
    from childsurv.cohort.cohort import category_order
    from childsurv.cohort.follow_up import columns_list

    require_choice(level, LEVELS, argument="level")
    if len(editions) != 2 or editions[0] == editions[1]:
        raise OptionError("editions= takes two different editions, such as ('2005', '2017').")
    for edition in editions:
        require_choice(edition, EDITIONS, argument="editions")
    names = columns_list(by)
    data = cohort.frame
    with asking("compare_editions()"):
        require_columns(data, ["topography", "morphology", "behaviour", *names])
    # Classified once for each combination of codes, whatever the number of tumours.
    codes = ["topography", "morphology", "behaviour"]
    keys = data[[*names, *codes]].assign(topography=data["topography"].astype(str))
    counted = keys.groupby([*names, *codes], observed=True, sort=False, dropna=False).size()
    table = counted.rename("tumours").reset_index()
    coded = ((table["topography"] != "unknown") & (table["morphology"] >= 0)).to_numpy()
    for column, edition in zip(("from", "to"), editions, strict=True):
        classes = classify_iccc3(
            table["topography"].where(coded),
            table["morphology"].where(coded).astype("Int64"),
            table["behaviour"].where(table["behaviour"] >= 0).astype("Int64"),
            edition=edition,
        )
        label = classes[f"iccc_{level}"].astype(object)
        if level == "extended":
            label = label.where(label.notna(), classes["iccc_subgroup"].astype(object))
        table[column] = np.where(coded, label.where(label.notna(), NOT_CLASSIFIED), NO_CODES)
    present = {*table["from"], *table["to"]}
    order = category_order("iccc_extended", sorted(present))
    for column in ("from", "to"):
        table[column] = pd.Categorical(table[column], categories=order, ordered=True)
    result = table.groupby([*names, "from", "to"], observed=True, sort=True)["tumours"].sum().reset_index()
    return result.assign(moves=result["from"].astype(str) != result["to"].astype(str))
