"""Classify tumours by the International Classification of Childhood Cancer, third edition (ICCC-3).

The classification is that of Steliarova-Foucher E, Stiller C, Lacour B, Kaatsch P. Cancer 2005;103:1457-1467,
doi:10.1002/cncr.20910, with its update of 2017 (IARC), as published by the SEER Program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify.codes import (
    BEHAVIOUR_RULE,
    MORPHOLOGY_RULE,
    TOPOGRAPHY_RULE,
    behaviour_numbers,
    morphology_numbers,
    topography_numbers,
    write_topography,
)
from childsurv.classify.iccc3_tables import (
    EDITIONS,
    FIRST_MORPHOLOGY,
    leaf_names,
    leaves,
    level_dtypes,
    lookup_table,
    names_of,
    rules_of,
)
from childsurv.cohort.cohort import Cohort, category_order
from childsurv.cohort.follow_up import By, columns_list
from childsurv.errors import (
    DataError,
    OptionError,
    asking,
    renamed,
    require_choice,
    require_columns,
    rows_where,
)

LEVELS: tuple[str, ...] = ("group", "subgroup", "extended")
LANGUAGES: dict[str, str] = {"en": "english", "ru": "russian"}
NON_MALIGNANT = (0, 1)
MISSING_BEHAVIOUR = 10
"""The place after the behaviour digits 0 to 9; no class accepts it."""


def classify_iccc3(
    topography: Any,
    morphology: Any,
    behaviour: Any = None,
    *,
    edition: str = "2017",
    malignant_behaviours: Sequence[int] = (3,),
) -> pd.DataFrame:
    """Find the ICCC-3 group, subgroup and division of tumours coded by ICD-O-3.

    A tumour belongs to the one class whose morphologies and topographies hold both of its codes and whose
    behaviour rule holds its behaviour: group III (tumours of the central nervous system) and subgroup Xa
    (intracranial and intraspinal germ cell tumours) hold /0, /1 and /3, every other class /3 alone; /2, in
    situ, is never classified.

    Parameters
    ----------
    topography
        ICD-O-3 topography, shape ``(n_rows,)``: ``C71.6``, ``C716`` or ``716``; case and a Cyrillic ``С``
        do not matter (see `childsurv.classify.codes.clean_topography`).
    morphology
        ICD-O-3 morphology, shape ``(n_rows,)``: ``9470``, or with its behaviour ``9470/3``.
    behaviour
        ICD-O-3 behaviour, shape ``(n_rows,)``: 0, 1, 2, 3, 6 or 9. Where it is missing, the behaviour in the
        morphology code counts. May be left out if the morphology codes hold it.
    edition
        "2005", "2017", or "2017-icdo3.2", which adds the codes of ICD-O-3.2 as SEER's software places them
        (one source, not published as a table). Leukaemia and lymphoma counts differ between editions where
        sites are coded carelessly: print the edition with each table.
    malignant_behaviours
        Behaviours that count as /3. ICCC-3 knows 3 alone; add 6 or 9 for registries that use them for
        malignant tumours whose primary site is uncertain.

    Returns
    -------
    pandas.DataFrame
        With the index of the Series given, the columns ``iccc_group`` ("I" to "XII"), ``iccc_subgroup``
        ("Ia"; "V" for group V, which has no subgroups), ``iccc_extended`` ("Ia1"; missing for a subgroup
        that is not divided) and ``label`` (the English name of the finest of them): ordered categories in
        the official order, the same in every edition. Rows that no class holds, or with a code missing, are
        missing in every column.

    Raises
    ------
    DataError
        If a code is not an ICD-O-3 code, if two behaviours of a row disagree, or if lengths or indexes
        differ.
    OptionError
        If the edition is unknown, or a behaviour other than 6 and 9 is to count as malignant.

    References
    ----------
    Steliarova-Foucher E, Stiller C, Lacour B, Kaatsch P. Cancer 2005;103:1457-1467, doi:10.1002/cncr.20910.

    Examples
    --------
    >>> classify_iccc3(["C71.6", "С42.1", "C71.6"], ["9470/3", "9811/3", "9470/2"])
      iccc_group iccc_subgroup iccc_extended                     label
    0        III          IIIc         IIIc1          Medulloblastomas
    1          I            Ia           Ia1  Precursor cell leukemias
    2        NaN           NaN           NaN                       NaN
    """
    require_choice(edition, EDITIONS, argument="edition")
    accepted = _accepted_behaviours(malignant_behaviours)
    given = {"topography": topography, "morphology": morphology, "behaviour": behaviour}
    index = _common_index([values for values in given.values() if isinstance(values, pd.Series)])
    inputs = {name: pd.Series(values) for name, values in given.items() if values is not None}
    _require_equal_lengths(inputs)

    sites, bad_sites = topography_numbers(inputs["topography"])
    kinds, behaviours, bad_kinds = morphology_numbers(inputs["morphology"])
    faults = [
        _fault(inputs, "topography", bad_sites, TOPOGRAPHY_RULE),
        _fault(inputs, "morphology", bad_kinds, MORPHOLOGY_RULE),
    ]
    if "behaviour" in inputs:
        stated, bad_stated = behaviour_numbers(inputs["behaviour"])
        faults += [
            _fault(inputs, "behaviour", bad_stated, BEHAVIOUR_RULE),
            _disagreement(stated, behaviours),
        ]
        behaviours = np.where(stated >= 0, stated, behaviours)
    if any(faults):
        raise DataError(
            "Classification by ICCC-3: "
            + " ".join(filter(None, faults))
            + " Correct these codes, or make them missing to leave their rows unclassified."
        )

    known = (sites >= 0) & (kinds >= 0)
    rows = np.where(known, kinds - FIRST_MORPHOLOGY, 0)
    leaf = lookup_table(edition)[rows, np.where(known, sites, 0)]
    held = accepted[leaf, np.where(behaviours < 0, MISSING_BEHAVIOUR, behaviours)]
    leaf = np.where(known & held, leaf, 0)

    columns = {}
    for name, codes in _level_codes(edition).items():
        columns[name] = pd.Categorical.from_codes(codes[leaf], dtype=level_dtypes()[name])
    return pd.DataFrame(columns, index=index)


@asking("iccc3_labels")
@renamed(level="detail")
def iccc3_labels(detail: str = "group", language: str = "en", *, edition: str = "2017") -> pd.Series[Any]:
    """Return the names of the classes of ICCC-3, in the official order.

    Parameters
    ----------
    detail
        "group" (12), "subgroup" (47, and V) or "extended" (the divisions of the subgroups that have them).
    language
        "en", or "ru" for groups. English names keep the spelling of the classification.
    edition
        "2005", "2017" or "2017-icdo3.2"; a few names and the divisions of VIa and VIIa differ.

    Returns
    -------
    pandas.Series
        Names, with the codes as index.

    Raises
    ------
    OptionError
        If there is no such detail, language or edition, or the names are not there in that language.

    Examples
    --------
    >>> iccc3_labels().loc["V"], iccc3_labels(language="ru").loc["V"]
    ('Retinoblastoma', 'Ретинобластома')
    """
    require_choice(detail, LEVELS, argument="detail")
    require_choice(language, tuple(LANGUAGES), argument="language")
    require_choice(edition, EDITIONS, argument="edition")
    if language == "ru" and detail != "group":
        raise OptionError(
            f"language='ru' has names of groups only, and detail={detail!r} was asked for; "
            "use detail='group' or language='en'."
        )
    return names_of(detail, LANGUAGES[language], edition=edition)


def iccc3_table(edition: str = "2017") -> pd.DataFrame:
    """Return the classification itself: one row a rectangle of morphologies and topographies.

    Parameters
    ----------
    edition
        "2005", "2017" or "2017-icdo3.2".

    Returns
    -------
    pandas.DataFrame
        Columns ``iccc_group, iccc_subgroup, iccc_extended, label, morphology_from, morphology_to,
        topography_from, topography_to, behaviour, revision``, in the official order of the classes; the
        ends belong to the range, and no code is in two rectangles. ``revision`` is "2023" for what
        "2017-icdo3.2" adds.

    Raises
    ------
    OptionError
        If the edition is unknown.

    References
    ----------
    Steliarova-Foucher E, Stiller C, Lacour B, Kaatsch P. Cancer 2005;103:1457-1467, doi:10.1002/cncr.20910.

    Examples
    --------
    >>> table = iccc3_table("2005")
    >>> table.loc[table["iccc_subgroup"] == "VIIa", ["morphology_from", "topography_from", "topography_to"]]
         morphology_from topography_from topography_to
    142             8970           C00.0         C80.9
    """
    require_choice(edition, EDITIONS, argument="edition")
    names = leaf_names(edition)
    table = pd.DataFrame(
        [
            {
                "iccc_group": rule.leaf.group,
                "iccc_subgroup": rule.leaf.subgroup,
                "iccc_extended": rule.leaf.extended,
                "label": names[rule.leaf.code],
                "morphology_from": first,
                "morphology_to": last,
                "topography_from": write_topography(site_from),
                "topography_to": write_topography(site_to),
                "behaviour": "0-1,3" if rule.leaf.holds_non_malignant else "3",
                "revision": rule.revision,
            }
            for rule in rules_of(edition)
            for first, last in rule.morphologies
            for site_from, site_to in rule.topographies
        ]
    )
    return table.astype(level_dtypes())


def _accepted_behaviours(malignant: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Which class (0 is none, then as in `leaves`) accepts which behaviour; the last one is missing."""
    wanted = set(malignant)
    if 3 not in wanted or not wanted <= {3, 6, 9}:
        raise OptionError(
            f"malignant_behaviours={tuple(malignant)!r} must hold 3, and may add 6 and 9; "
            "the other behaviours are not malignant tumours."
        )
    accepted = np.zeros((len(leaves()) + 1, MISSING_BEHAVIOUR + 1), dtype=bool)
    accepted[1:, sorted(wanted)] = True
    non_malignant = [number for number, leaf in enumerate(leaves(), start=1) if leaf.holds_non_malignant]
    accepted[np.ix_(non_malignant, NON_MALIGNANT)] = True
    return accepted


def _level_codes(edition: str) -> dict[str, npt.NDArray[np.int16]]:
    """For each result column, the category of every class (0 is none, then as in `leaves`)."""
    names = leaf_names(edition)
    values: dict[str, list[str | None]] = {
        "iccc_group": [leaf.group for leaf in leaves()],
        "iccc_subgroup": [leaf.subgroup for leaf in leaves()],
        "iccc_extended": [leaf.extended for leaf in leaves()],
        "label": [names.get(leaf.code) for leaf in leaves()],
    }
    dtypes = level_dtypes()
    return {
        name: np.concatenate([[-1], pd.Categorical(column, dtype=dtypes[name]).codes]).astype(np.int16)
        for name, column in values.items()
    }


def _common_index(given: list[pd.Series[Any]]) -> pd.Index[Any] | None:
    """Return the index that all Series given share; none was given where everything is a list or an array."""
    if any(not series.index.equals(given[0].index) for series in given[1:]):
        raise DataError(
            "Classification by ICCC-3: the Series given have different indexes, so their rows cannot be "
            "paired; take them from one DataFrame, or pass arrays."
        )
    return given[0].index if given else None


def _require_equal_lengths(inputs: dict[str, pd.Series[Any]]) -> None:
    if len({len(series) for series in inputs.values()}) > 1:
        listed = ", ".join(f"{name} {len(series):,}" for name, series in inputs.items())
        raise DataError(f"Classification by ICCC-3 needs columns of equal length, but found rows: {listed}.")


def _fault(
    inputs: dict[str, pd.Series[Any]], argument: str, unreadable: npt.NDArray[np.bool_], rule: str
) -> str:
    if not unreadable.any():
        return ""
    name = inputs[argument].name if isinstance(inputs[argument].name, str) else argument
    return f"column {name!r} must hold {rule}, and does not in {rows_where(unreadable)}."


def _disagreement(stated: npt.NDArray[np.int16], within: npt.NDArray[np.int16]) -> str:
    """Two statements of one thing are never settled by preferring one of them."""
    differing = (stated >= 0) & (within >= 0) & (stated != within)
    if not differing.any():
        return ""
    return f"the behaviour differs from the one in the morphology code in {rows_where(differing)}."


NOT_CLASSIFIED = "not classified"
NO_CODES = "no ICD-O-3 codes"


@asking("compare_editions")
@renamed(level="detail")
def compare_editions(
    cohort: Cohort,
    *,
    editions: tuple[str, str] = ("2005", "2017"),
    detail: str = "group",
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
    detail
        "group", "subgroup" or "extended"; undivided subgroups appear as themselves in "extended".
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
        If an edition or detail is unknown, or the editions are the same.

    Examples
    --------
    >>> import childsurv as cs
    >>> table = cs.compare_editions(cs.demo.cohort(patients=500, seed=1))
    >>> int(table["tumours"].sum())
    500
    """
    require_choice(detail, LEVELS, argument="detail")
    if len(editions) != 2 or editions[0] == editions[1]:
        raise OptionError("editions= takes two different editions, such as ('2005', '2017').")
    for edition in editions:
        require_choice(edition, EDITIONS, argument="editions")
    names = columns_list(by)
    data = cohort.frame
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
        label = classes[f"iccc_{detail}"].astype(object)
        if detail == "extended":
            label = label.where(label.notna(), classes["iccc_subgroup"].astype(object))
        table[column] = np.where(coded, label.where(label.notna(), NOT_CLASSIFIED), NO_CODES)
    present = {*table["from"], *table["to"]}
    order = category_order("iccc_extended", sorted(present))
    for column in ("from", "to"):
        table[column] = pd.Categorical(table[column], categories=order, ordered=True)
    result = table.groupby([*names, "from", "to"], observed=True, sort=True)["tumours"].sum().reset_index()
    return result.assign(moves=result["from"].astype(str) != result["to"].astype(str))
