"""Natural splines against R's ``splines::ns``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import OptionError
from childsurv.regression.design_matrix import natural_spline_basis, natural_spline_knots

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "cox_splines.csv"


@pytest.mark.parametrize(("case", "options"), [("df 3", {"df": 3}), ("knots 1 5 6", {"knots": [5, 1, 6]})])
def test_basis_is_that_of_r(case: str, options: dict[str, object]) -> None:
    table = pd.read_csv(REFERENCE).query("case == @case").dropna(axis=1)
    x = table["x"].to_numpy(float)
    inside = x[(x >= 0) & (x <= 10)]
    basis = natural_spline_basis(x, natural_spline_knots(inside, **options))
    # The last two values lie outside the knots, where curves are straight lines. R writes 15 digits.
    np.testing.assert_allclose(basis, table.filter(like="X"), atol=1e-13)


def test_knots_that_cannot_be_used() -> None:
    values = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 2.0])
    with pytest.raises(
        OptionError,
        match=(
            r"^childsurv: the 5 knots of ns\(\) are not all different, or not inside the data\. Use a "
            r"smaller df, or give knots=\.$"
        ),
    ):
        natural_spline_knots(values, df=4)
    with pytest.raises(
        OptionError,
        match=(
            r"^childsurv: the 3 knots of ns\(\) are not all different, or not inside the data\. Use a "
            r"smaller df, or give knots=\.$"
        ),
    ):
        natural_spline_knots(values, knots=[5])
    with pytest.raises(
        OptionError, match=r"^childsurv: ns\(x, df=\.\.\.\) needs df of 1 or more, or knots=\[\.\.\.\]\.$"
    ):
        natural_spline_knots(values)
