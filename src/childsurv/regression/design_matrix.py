"""From a formula or a list of columns to covariates, and the recipe to build them from new data.

Natural splines ``ns(x, df=3)`` are a transform that formulaic does not have; their basis is at the end.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import FloatArray, columns_list, require_rows
from childsurv.errors import (
    ColumnError,
    DataError,
    ModelError,
    OptionError,
    asked,
    import_extra,
    require_columns,
    warn,
)

MOST_CATEGORIES = 50
"""A text column may have more categories than this only up to the number of events."""

NOT_COVARIATES: Mapping[str, str] = {
    "strata": "strata=",
    "cluster": "cluster=",
    "offset": "offset=",
    "Surv": "time= and event=",
}
"""Functions of R's formulas, and the argument that does their work here."""

EXTRA_FUNCTIONS = ("ns", "abs", "max", "min", "round", "int", "float", "True", "False", "None")
"""Names that a formula may call or use besides formulaic's own."""

PURPOSE = "A Cox model with a formula"
"""What formulaic is needed for."""


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    """A recipe for covariates: columns as they are and categories as differences, or a formula."""

    names: tuple[str, ...]
    """Names of the covariates."""
    terms: tuple[tuple[str, slice], ...]
    """Model terms and the places of their covariates."""
    variables: tuple[str, ...]
    """Columns of the data that the covariates need."""
    categories: Mapping[str, pd.CategoricalDtype]
    """Categories of those columns that are text or categories, the reference first."""
    specification: Any = None
    """formulaic's specification of a formula; none for a list of columns."""

    @property
    def formula(self) -> str:
        """The right-hand side for formulaic, which a list of columns has too."""
        if self.specification is None:
            return " + ".join(f"`{name}`" for name in self.variables)
        return str(self.specification.formula)

    def matrix(self, frame: pd.DataFrame) -> FloatArray:
        """Return covariates of new data, shape ``(n_rows, p)``, column by column in memory."""
        prepared = known_columns(frame, self.variables, self.categories)
        if self.specification is None:
            return self.encode(prepared)
        return checked_covariates(_materialise(self.specification, prepared), self.names)

    def encode(self, frame: pd.DataFrame) -> FloatArray:
        """Return covariates of prepared columns, for a list of columns."""
        result = np.empty((len(self.names), len(frame))).T
        for name, part in self.terms:
            column = frame[name]
            if name in self.categories:
                codes = column.cat.codes.to_numpy()
                result[:, part] = codes[:, None] == np.arange(1, part.stop - part.start + 1)
            else:
                result[:, part.start] = column.to_numpy(np.float64)
        return result


def build_design(
    formula: str | Sequence[str], frame: pd.DataFrame, *, events: int
) -> tuple[FloatArray, Design]:
    """Return covariates of shape ``(n_rows, p)`` and the recipe behind them.

    Parameters
    ----------
    formula
        Right-hand side for formulaic, or column names.
    frame
        The data. Nothing may be missing in the columns that are used.
    events
        Number of events, against which the number of categories of a text column is checked.
    """
    if isinstance(formula, str):
        return _formula_design(formula, frame, events=events)
    return _columns_design(columns_list(formula, argument="formula"), frame, events=events)


def _columns_design(
    variables: Sequence[str], frame: pd.DataFrame, *, events: int
) -> tuple[FloatArray, Design]:
    require_columns(frame.columns, variables)
    if not variables:
        raise ModelError(f"{asked()}: no covariates were given.")
    prepared, categories = fitted_columns(frame, variables, events=events)
    names: list[str] = []
    terms: list[tuple[str, slice]] = []
    for name in variables:
        if not (name in categories or pd.api.types.is_numeric_dtype(prepared[name].dtype)):
            raise ColumnError(_not_a_covariate(prepared[name]))
        columns = (
            [name]
            if name not in categories
            else [f"{name}[T.{label}]" for label in categories[name].categories[1:]]
        )
        terms.append((name, slice(len(names), len(names) + len(columns))))
        names.extend(columns)
    design = Design(tuple(names), tuple(terms), tuple(variables), categories)
    return design.encode(prepared), design


def _formula_design(formula: str, frame: pd.DataFrame, *, events: int) -> tuple[FloatArray, Design]:
    formulaic = import_extra("formulaic", extra="formula", purpose=PURPOSE)
    right = formula.strip()
    right = right[1:] if right.startswith("~") else right
    if "~" in right:
        raise OptionError(
            f"{asked()}: the formula has a left-hand side. Give covariates only, such as 'age_years + "
            "sex'; the follow-up comes from the cohort, or from time= and event=."
        )
    function = re.search(rf"\b({'|'.join(NOT_COVARIATES)})\(", right)
    if function:
        name = function.group(1)
        raise OptionError(
            f"{asked()}: {name}() is not part of a formula here; use the argument {NOT_COVARIATES[name]}."
        )
    try:
        parsed = formulaic.Formula(right or "1")
    except Exception as error:
        # formulaic marks the place with terminal colours in later lines; the first line says what is wrong.
        found = (str(error).splitlines() or [""])[0]
        raise OptionError(f"{asked()}: the formula {formula!r} cannot be read. {found}") from None
    if "1" not in [str(term) for term in parsed]:
        # Written "0 + x" or "x - 1": the baseline hazard is the intercept all the same, so contrasts stay
        # contrasts.
        parsed = formulaic.Formula([*formulaic.Formula("1"), *parsed])
    if len(list(parsed)) < 2:
        raise ModelError(f"{asked()}: the formula {formula!r} has no covariates.")
    variables = _variables(parsed)
    require_columns(frame.columns, variables)
    prepared, categories = fitted_columns(frame, variables, events=events)
    for term in parsed:
        for factor in term.factors:
            if factor.expr in prepared and prepared[factor.expr].dtype.kind in "mM":
                raise ColumnError(_not_a_covariate(prepared[factor.expr]))
    model = _materialise(parsed, prepared)
    specification = model.model_spec
    empty = [str(term) for term, part in specification.term_slices.items() if part.stop == part.start]
    if empty:
        raise ModelError(
            f"{asked()}: the term {empty[0]!r} has one category only, so no hazard ratio can be estimated. "
            "Leave it out of the formula."
        )
    names = tuple(str(name) for name in specification.column_names[1:])
    terms = tuple(
        (str(term), slice(part.start - 1, part.stop - 1))
        for term, part in specification.term_slices.items()
        if part.stop > max(part.start, 1)
    )
    covariates = checked_covariates(model, names)
    return covariates, Design(names, terms, tuple(variables), categories, specification)


def _variables(parsed: Any) -> list[str]:
    """Return the columns that a formula reads, and refuse unknown functions by name.

    formulaic's own list leaves out what splines and polynomials read, so the expressions are parsed here.
    """
    known = {
        *import_extra("formulaic.transforms", extra="formula", purpose=PURPOSE).TRANSFORMS,
        *EXTRA_FUNCTIONS,
    }
    columns: set[str] = set()
    for term in parsed:
        for factor in term.factors:
            method = factor.eval_method.value
            if method == "lookup":
                columns.add(factor.expr)
            elif method == "python":
                quoted = re.findall(r"`([^`]+)`", factor.expr)
                tree = ast.parse(re.sub(r"`[^`]+`", "None", factor.expr), mode="eval")
                called = {
                    node.func.id
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                }
                names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
                unknown = sorted(called - known)
                if unknown:
                    raise OptionError(
                        f"{asked()}: the formula calls {unknown[0]!r}, which is not a known function. "
                        "Known are those of formulaic (C, bs, cr, poly, center, scale, log, exp, I, np. "
                        "...) and ns."
                    )
                columns.update(quoted, names - called - known)
    return sorted(columns)


def _materialise(source: Any, prepared: pd.DataFrame) -> Any:
    """Let formulaic compute; its own messages may quote values, so only their kind is passed on."""
    mismatch = import_extra("formulaic.errors", extra="formula", purpose=PURPOSE).DataMismatchWarning
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", category=mismatch)
            with np.errstate(all="ignore"):
                return source.get_model_matrix(
                    prepared, output="numpy", na_action="ignore", context={"ns": natural_spline_transform()}
                )
    except (OptionError, ModelError):
        raise
    except Exception as error:
        cause = error.__cause__ or error
        if isinstance(cause, OptionError):
            raise cause from None
        kind = type(error).__name__
        remedy = (
            "A category occurs that the fitted data did not have."
            if kind == "DataMismatchWarning"
            else "Check its functions, the types of its columns, and that values are in the range of splines."
        )
        raise DataError(
            f"{asked()}: the formula cannot be evaluated on these data ({kind}). {remedy}"
        ) from None


def checked_covariates(model: Any, names: Sequence[str]) -> FloatArray:
    """Drop the intercept, and require finite numbers."""
    covariates = np.asfortranarray(np.asarray(model, dtype=np.float64)[:, 1:])
    if not np.isfinite(covariates.sum()):
        for place, name in enumerate(names):
            require_rows(
                ~np.isfinite(covariates[:, place]),
                f"{asked()}: the term {name!r} is not a finite number",
                "Look for logarithms of 0, divisions by 0 or overflow in the formula.",
            )
    return covariates


def fitted_columns(
    frame: pd.DataFrame, variables: Sequence[str], *, events: int
) -> tuple[pd.DataFrame, dict[str, pd.CategoricalDtype]]:
    """Check the columns of a model and turn text into categories; nothing may be missing."""
    prepared: dict[str, Any] = {}
    categories: dict[str, pd.CategoricalDtype] = {}
    for name in variables:
        column = complete_column(frame, name)
        if isinstance(column.dtype, pd.CategoricalDtype):
            used = column.cat.remove_unused_categories()
            unused = column.cat.categories.difference(used.cat.categories)
            if len(unused):
                warn(
                    f"{asked()}: categories of column {name!r} without rows get no coefficient: "
                    f"{', '.join(map(str, unused[:8]))}{', ...' if len(unused) > 8 else ''}. Drop unused categories to "
                    "silence this warning."
                )
            column = used
        elif is_text(column):
            column = column.astype(object).astype("category")
        prepared[name] = column
        if isinstance(column.dtype, pd.CategoricalDtype):
            number = len(column.cat.categories)
            if number == 1:
                raise ModelError(
                    f"{asked()}: column {name!r} has one category in all {len(column):,} rows, so no hazard "
                    "ratio can be estimated. Leave it out of the formula."
                )
            if number > max(MOST_CATEGORIES, events):
                raise ModelError(
                    f"{asked()}: column {name!r} has {number:,} categories and there are {events:,} "
                    "events. An identifier or free text cannot be a covariate; use strata= or cluster= for "
                    "groups, or fewer categories."
                )
            categories[name] = column.dtype
    return pd.DataFrame(prepared, index=frame.index), categories


def known_columns(
    frame: pd.DataFrame, variables: Sequence[str], categories: Mapping[str, pd.CategoricalDtype]
) -> pd.DataFrame:
    """Check the columns of new data: all there, nothing missing, no category that the fit did not have."""
    require_columns(frame.columns, variables)
    prepared: dict[str, Any] = {}
    for name in variables:
        column = complete_column(frame, name)
        if name in categories:
            labels = column.astype(object)
            require_rows(
                ~labels.isin(categories[name].categories).to_numpy(),
                f"{asked()}: column {name!r} holds a category that the fitted data did not have",
                f"The model knows {', '.join(map(str, categories[name].categories[:20]))}.",
            )
            column = labels.astype(categories[name])
        elif is_text(column) or isinstance(column.dtype, pd.CategoricalDtype):
            raise ColumnError(
                f"{asked()}: column {name!r} holds text, but was numeric when the model was fitted."
            )
        prepared[name] = column
    return pd.DataFrame(prepared, index=frame.index)


def complete_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column without missing or infinite values, nullable numbers as plain ones."""
    column = frame[name]
    require_rows(
        column.isna().to_numpy(),
        f"{asked()}: covariate {name!r} is missing",
        "No row is dropped silently: fill the gaps, give them a separate category ('unknown'), or exclude these "
        "rows by a rule.",
    )
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype(np.float64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        values: npt.NDArray[Any] = column.to_numpy(np.float64)
        require_rows(
            ~np.isfinite(values), f"{asked()}: covariate {name!r} is infinite", "Give finite numbers."
        )
        if not isinstance(column.dtype, np.dtype):
            return pd.Series(values, index=column.index, name=name)
    return column


def is_text(column: pd.Series) -> bool:
    """Whether a column holds text; numbers or dates stored as objects are refused."""
    if pd.api.types.is_numeric_dtype(column.dtype) or column.dtype.kind in "mM":
        return False
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in {"string", "empty"}:
        return True
    raise ColumnError(
        f"{asked()}: column {column.name!r} holds {kind} values as objects. Convert it to numbers "
        "(pandas.to_numeric), text or a category first."
    )


def _not_a_covariate(column: pd.Series) -> str:
    return (
        f"{asked()}: column {column.name!r} holds {str(column.dtype).split('[')[0]}, which cannot be a covariate. "
        "Use a number derived from it, for example a calendar year."
    )


def natural_spline_transform() -> Callable[..., Any]:
    """Return ``ns`` as a transform of formulaic, which remembers its knots for new data."""
    stateful = import_extra(
        "formulaic.utils.stateful_transforms", extra="formula", purpose="ns() in a formula"
    )
    types = import_extra("formulaic.materializers.types", extra="formula", purpose="ns() in a formula")

    def ns(
        x: npt.ArrayLike,
        df: int | None = None,
        knots: Sequence[float] | None = None,
        _state: dict[str, Any] | None = None,
    ) -> Any:
        state = {} if _state is None else _state
        values = np.asarray(x, dtype=np.float64)
        if "knots" not in state:
            state["knots"] = natural_spline_knots(values, df=df, knots=knots)
        basis = natural_spline_basis(values, state["knots"])
        return types.FactorValues(basis, column_names=tuple(range(1, basis.shape[1] + 1)))

    return stateful.stateful_transform(ns)  # type: ignore[no-any-return]


def natural_spline_knots(
    values: FloatArray, *, df: int | None = None, knots: Sequence[float] | None = None
) -> FloatArray:
    """Return all knots: the extremes, and ``df - 1`` quantiles (or the knots given) between them."""
    low, high = float(values.min()), float(values.max())
    if knots is None:
        if df is None or df < 1:
            raise OptionError(f"{asked()}: ns(x, df=...) needs df of 1 or more, or knots=[...].")
        inner = np.quantile(values, np.linspace(0, 1, df + 1)[1:-1])
    else:
        inner = np.sort(np.asarray(knots, dtype=np.float64))
    result = np.concatenate([[low], inner, [high]])
    if (np.diff(result) <= 0).any():
        raise OptionError(
            f"{asked()}: the {result.size} knots of ns() are not all different, or not inside the data. Use a smaller "
            "df, or give knots=."
        )
    return result


def natural_spline_basis(values: FloatArray, knots: FloatArray) -> FloatArray:
    """Natural cubic spline basis without a constant: shape ``(n, len(knots) - 1)``.

    Cubic B-splines without the first, projected on those combinations whose second derivative is 0 at the
    outer knots; beyond these the curves go on as straight lines. The basis is the one of R's ``splines::ns``,
    so that coefficients agree.

    References
    ----------
    Hastie TJ. Generalized additive models. In: Chambers JM, Hastie TJ, eds. Statistical models in S. 1992;
    chapter 7.
    """
    from scipy.interpolate import BSpline

    low, high = knots[0], knots[-1]
    padded = np.concatenate([[low] * 3, knots, [high] * 3])
    splines = BSpline(padded, np.eye(padded.size - 4), 3)
    slopes, bends = splines.derivative(1), splines.derivative(2)
    inside = np.clip(values, low, high)
    basis = splines(inside) + (values - inside)[:, None] * slopes(inside)
    from scipy.linalg import qr

    rotation, _ = qr(bends(np.array([low, high]))[:, 1:].T)
    return np.asarray(basis[:, 1:] @ rotation[:, 2:])
