"""LifeTable: population hazard by sex, age, calendar time and any strata, constant within a cell.

A table is a block of daily hazards, strata x ages x calendar cells, with the cuts between cells. Cells of age
change on birthdays (or at fixed numbers of days, where a peer's convention is asked for); calendar cells on 1
January (or at dates that the user gives). A cell that no source filled is NaN and raises when it is looked
up: nothing is extrapolated silently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import (
    DataError,
    OptionError,
    asked,
    asking,
    require_choice,
    rows_where,
)
from childsurv.lifetable.building import expand, split_infancy
from childsurv.lifetable.cells import (
    AFTER_ALL,
    BEFORE_ALL,
    RATE_UNITS,
    SEXES,
    Written,
    block_of_cells,
    dates_of_cells,
    stratum_codes,
)
from childsurv.lifetable.clock import with_look_up
from childsurv.lifetable.extending import extend_by_last, extend_by_trend
from childsurv.lifetable.paths import cell_index, cumulative_hazard
from childsurv.maths.calendar import DAYS_PER_YEAR, FIRST_DAY, LAST_DAY, days_of
from childsurv.maths.frozen import Frozen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

__all__ = ["AFTER_ALL", "BEFORE_ALL", "SEXES", "LifeTable"]


@dataclass(frozen=True, eq=False, repr=False)
class LifeTable(Frozen):
    """Population mortality as a hazard per day, constant within each cell.

    Build one with `LifeTable.from_frame` or `childsurv.read_life_table`; never changed afterwards.

    Attributes
    ----------
    by : tuple of str
        Columns besides sex that choose a stratum (``("country",)``).
    strata : DataFrame
        One row a stratum: the ``by`` columns and ``sex``.
    age_starts : ndarray of shape (n_ages,)
        Start of each age cell, in years (``age_rule="birthday"``) or days (``"fixed"``); the last is open.
    year_starts : ndarray of shape (n_years,)
        First day of each calendar cell, in days since 1970-01-01.
    year_end : int
        First day that no calendar cell covers.
    rates : ndarray of shape (n_strata, n_ages, n_years)
        Hazard per day; NaN where no source has a value. Read-only.
    extended : ndarray of bool, same shape
        Cells filled by `extend`.
    age_rule : {"birthday", "fixed", "fraction", "completed"}
        When a child enters an age cell: on the birthday, after a fixed number of days, or by the rule of a peer
        (see `with_look_up`).
    calendar_rule : {"date", "birthday", "anniversary"}
        When a child enters a calendar cell: on its first date, or by the rule of a peer.
    days_per_year : float or None
        Length of the year by which yearly rates became daily ones; ``None`` where rates came by the day or the
        year is the calendar's own.
    source, provenance
        Where the numbers came from and what was done to them.
    """

    by: tuple[str, ...]
    strata: pd.DataFrame
    age_starts: FloatArray
    year_starts: IntArray
    year_end: int
    rates: FloatArray
    extended: npt.NDArray[np.bool_]
    age_rule: str
    source: str = ""
    provenance: tuple[Mapping[str, Any], ...] = field(default=())
    calendar_rule: str = "date"
    days_per_year: float | None = DAYS_PER_YEAR

    def __post_init__(self) -> None:
        for name in ("age_starts", "year_starts", "rates", "extended"):
            array = getattr(self, name)
            if array.flags.writeable:
                # A copy, so that the caller's array neither becomes read-only nor can change this table.
                array = array.copy()
                array.setflags(write=False)
                object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        first, last = self.covered_dates
        by = ", ".join((*self.by, "sex"))
        return (
            f"<LifeTable by {by}: {len(self.strata)} strata, {self.age_starts.size} ages, "
            f"{self.year_starts.size} calendar cells, {first} to {last}, digest {self.digest[:12]}>"
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of cuts, strata, rule and hazards: equal tables have equal digests."""
        seal = hashlib.sha256()
        seal.update(repr((self.by, self.age_rule, self.year_end)).encode())
        if self.calendar_rule != "date":
            seal.update(self.calendar_rule.encode())
        seal.update(self.strata.to_csv(index=False, lineterminator="\n").encode())
        for array in (self.age_starts, self.year_starts, self.rates):
            seal.update(np.ascontiguousarray(array).tobytes())
        return seal.hexdigest()

    @cached_property
    def gap_counts(self) -> IntArray | None:
        """Cells without a value, cumulated over ages and years, or ``None`` for a table without gaps.

        Of shape ``(n_strata, n_ages + 1, n_years + 1)``; four entries give the number of gaps in a rectangle.
        """
        gaps = np.isnan(self.rates)
        if not gaps.any():
            return None
        counts = np.zeros((gaps.shape[0], gaps.shape[1] + 1, gaps.shape[2] + 1), dtype=np.int64)
        counts[:, 1:, 1:] = gaps.cumsum(axis=1).cumsum(axis=2)
        return counts

    @property
    def covered_dates(self) -> tuple[str, str]:
        """First and last date that any stratum covers, as ISO dates ("open" after `extend`)."""
        first, last = int(self.year_starts[0]), self.year_end - 1
        return (
            "open" if first <= BEFORE_ALL else str(np.datetime64(first, "D")),
            "open" if last >= AFTER_ALL - 1 else str(np.datetime64(last, "D")),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the cells as a long table, which `read_life_table` reads again from a file.

        Columns are the strata and sex, ``age`` (start of the cell, in years or days as in ``age_starts``),
        ``year_start`` and ``year_end`` (first day of the calendar cell and of the next; missing where open),
        ``hazard_per_day`` (missing where the source has no value) and ``extended``. Years of which a stratum has no
        cell at all are left out.
        """
        n_strata, n_ages, n_years = self.rates.shape
        stratum = np.repeat(np.arange(n_strata), n_ages * n_years)
        frame = self.strata.iloc[stratum].reset_index(drop=True)
        frame["age"] = np.tile(np.repeat(self.age_starts, n_years), n_strata)
        edges = dates_of_cells(np.append(self.year_starts, self.year_end))
        frame["year_start"] = np.tile(edges[:-1], n_strata * n_ages)
        frame["year_end"] = np.tile(edges[1:], n_strata * n_ages)
        frame["hazard_per_day"] = self.rates.ravel()
        frame["extended"] = self.extended.ravel()
        # A cell without a value among others of its stratum and calendar cell stays, so that it is read as a gap.
        known = ~np.isnan(self.rates).all(axis=1, keepdims=True)
        return frame[np.broadcast_to(known, self.rates.shape).ravel()].reset_index(drop=True)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        sex: str = "sex",
        age: str = "age",
        year: str = "year",
        rate: str | None = None,
        mx: str | None = None,
        qx: str | None = None,
        by: str | Sequence[str] = (),
        rate_unit: str = "per_year",
        age_unit: str = "years",
        days_per_year: float = DAYS_PER_YEAR,
        year_starts: Mapping[int, str] | None = None,
        year_end: str | None = None,
        missing: str = "error",
        source: str = "a data frame",
    ) -> LifeTable:
        """Build a life table from a long table with one row a cell.

        The hazard per day is ``rate`` (per day, or per year / ``days_per_year``), ``mx / days_per_year``, or
        ``-log(1 - qx) / (width of the age cell in days)``, where an open last cell counts as one year wide
        and one with ``qx = 1`` is not covered.

        Parameters
        ----------
        frame
            One row for every combination of strata, sex, age and year. Each stratum may have its own ages and
            years, but no gaps.
        sex, age, year
            Column names. Sex is "male" or "female". Age is the start of each cell, the last one open; cells
            may be finer than a year (0, 7 / 365.25, 28 / 365.25, 1, ...). Year is a calendar year.
        rate, mx, qx
            Name of the one column with mortality: a hazard, a central death rate per person-year, or a
            probability of dying within the age cell.
        by
            Further columns that choose a stratum, such as ``"country"``; the data must have them too.
        rate_unit
            Unit of ``rate``: "per_year", "per_1000_years" or "per_100000_years" (of one person), or "per_day".
        age_unit
            "years" or "days".
        days_per_year
            Length of the table's year: it turns yearly rates into daily ones. At the default, ages in years
            begin on birthdays; any other value is the fixed year of a peer (365.241 for relsurv), and ages
            begin at ``age * days_per_year`` days.
        year_starts
            First day of each year cell as ISO dates, for cells that are longer than a year or do not begin on
            1 January. Each cell runs to the next start.
        year_end
            First day after the last calendar cell; by default one calendar year after its start.
        missing
            What a missing value, row or year means: "error", or "not-covered" for cells that raise when
            looked up.
        source
            Where the numbers came from, for the provenance.

        Returns
        -------
        LifeTable

        Raises
        ------
        LifeTableError
            Gaps, duplicates, missing or negative values, unknown sexes: with their rows.

        Examples
        --------
        >>> import pandas as pd
        >>> import childsurv as cs
        >>> cells = pd.DataFrame(
        ...     [
        ...         (sex, age, year, 0.01 if age == 0 else 0.001)
        ...         for sex in ("male", "female")
        ...         for age in (0, 1)
        ...         for year in (2000, 2001)
        ...     ],
        ...     columns=["sex", "age", "year", "mx"],
        ... )
        >>> cs.LifeTable.from_frame(cells, mx="mx")
        <LifeTable by sex: 2 strata, 2 ages, 2 calendar cells, 2000-01-01 to 2001-12-31, digest ...>

        References
        ----------
        Preston SH, Heuveline P, Guillot M. Demography: measuring and modeling population processes.
        Blackwell 2001, chapter 3.
        """
        require_choice(rate_unit, tuple(RATE_UNITS), argument="rate_unit")
        require_choice(age_unit, ("years", "days"), argument="age_unit")
        require_choice(missing, ("error", "not-covered"), argument="missing")
        given = [(kind, name) for kind, name in (("rate", rate), ("mx", mx), ("qx", qx)) if name is not None]
        if len(given) != 1:
            raise OptionError("Give exactly one of rate=, mx= and qx=, the column that holds mortality.")
        kind, value = given[0]
        written = Written(
            sex=sex,
            age=age,
            year=year,
            value=value,
            kind=kind,
            by=(by,) if isinstance(by, str) else tuple(by),
            rate_unit=rate_unit,
            age_unit=age_unit,
            days_per_year=days_per_year,
            year_starts=year_starts,
            year_end=year_end,
            missing=missing,
        )
        block = block_of_cells(frame, written)
        return cls(
            by=written.by,
            strata=block.strata,
            age_starts=block.age_starts,
            year_starts=block.year_starts,
            year_end=block.year_end,
            rates=block.rates,
            extended=np.zeros(block.rates.shape, dtype=bool),
            age_rule="fixed" if written.fixed else "birthday",
            source=source,
            provenance=({"source": source, "mortality": kind, "days_per_year": days_per_year},),
            days_per_year=written.days_of_rate,
        )

    def with_look_up(self, rule: str) -> LifeTable:
        """Return the table under a named look-up rule: the default, or that of the software to be reproduced.

        The yearly hazard of a cell stays what it is: ``h per day = h per year / days per year``.

        Parameters
        ----------
        rule
            "exact": age cells change on birthdays, calendar cells on their dates, a year has 365.25 days (the default).
            "relsurv": age cells change every 365.241 days, the length of a year in relsurv's own tables.
            "survival": age cells change every 365.25 days, as in R survival with rate tables of type 3.
            "survexp.us": the same, and calendar cells change on the birthday in the calendar year, as in R survival
            with survexp.us, survexp.usr and survexp.mn (type 4).
            "fractional-years": dates are calendar years with a fraction, so that a year has 365 or 366 days and age
            cells change at the fraction at which the child was born, as in Epi and popEpi.
            "completed-years": the age at diagnosis counts in completed years and age cells change on anniversaries
            of diagnosis, as in strs with age in completed years and the date of diagnosis as a fractional year.
            Data may then have ``age_years`` instead of ages in days.
            "completed-years-and-calendar-years": calendar cells change on those anniversaries too, as in strs with
            both as whole numbers.

        Returns
        -------
        LifeTable
            Every function that takes a life table looks children up by its rule and names the rule in its conventions.

        Raises
        ------
        OptionError
            An unknown rule, ages in days that are no whole years, or completed years for a table with weeks.

        Examples
        --------
        >>> import childsurv as cs
        >>> cohort, table = cs.demo.cohort(patients=300, seed=1), cs.demo.life_table()
        >>> exact = cs.expected_survival(cohort, table, kind="individual")
        >>> theirs = cs.expected_survival(cohort, table.with_look_up("relsurv"), kind="individual")
        >>> bool(abs(exact - theirs).max() < 1e-3)
        True

        References
        ----------
        Therneau T, Offord J. Expected survival based on hazard rates (update). Technical report 63, Mayo Clinic
        1999. Pohar M, Stare J. Relative survival analysis in R. Comput Methods Programs Biomed 2006; 81:272-8.
        doi:10.1016/j.cmpb.2006.01.004
        """
        return with_look_up(self, rule)

    def expand(self, *, ages: bool = True, years: bool = True) -> LifeTable:
        """Return the table in single years of age and in calendar years.

        Within each wide cell the hazard follows the smoothest curve that gives every wide cell its own rate:

        ``minimise the integral of (d^2 log h / du^2)^2`` with ``u = log(1 + age) + age / 10`` for ages and
        calendar time for years, subject to deaths / person-time of each wide cell.

        So five-year periods that run from mid-year to mid-year become calendar years, and 1-4 becomes 1, 2, 3, 4
        with the fall of mortality after infancy that a constant cell lacks. A wide cell with rate 0 stays 0,
        one without a value stays without, and the last, open age group stays as it is. A part of a calendar
        year at either end of the table stays a separate cell.

        Parameters
        ----------
        ages, years
            What to expand. Expand each table before `childsurv.concat_life_tables` joins tables of different
            age groups, and before `extend`.

        Returns
        -------
        LifeTable
            Its ``provenance`` names the method and the digest of the table it was made from.

        Raises
        ------
        OptionError
            Ages that do not begin on birthdays, no separate cell for the first year of life, or an extended
            table.

        Examples
        --------
        >>> import pandas as pd, childsurv as cs
        >>> cells = pd.DataFrame(
        ...     [(sex, age, year, rate)
        ...      for sex in ("male", "female")
        ...      for year in (2000, 2005)
        ...      for age, rate in ((0, 0.01), (1, 0.0008), (5, 0.0004), (10, 0.0005))],
        ...     columns=["sex", "age", "year", "mx"])
        >>> starts = {2000: "2000-07-01", 2005: "2005-07-01"}
        >>> table = cs.LifeTable.from_frame(cells, mx="mx", year_starts=starts, year_end="2010-07-01")
        >>> table.expand()
        <LifeTable by sex: 2 strata, 11 ages, 11 calendar cells, 2000-07-01 to 2010-06-30, digest ...>

        References
        ----------
        Rizzi S, Gampe J, Eilers PHC. Efficient estimation of smooth distributions from coarsely grouped data.
        Am J Epidemiol 2015;182:138-147. doi:10.1093/aje/kwv020 (a smooth log rate behind grouped ones)
        """
        return expand(self, ages=ages, years=years)

    def split_infancy(self, shares: Sequence[float] | pd.DataFrame) -> LifeTable:
        """Return the table with the first year of life in three cells: <1 week, 1-3 weeks, 4 weeks to 1 year.

        Of the ``q = 1 - exp(-H)`` who die in the first year, the given shares die in each part; the chance to
        reach the first birthday stays what it was.

        Parameters
        ----------
        shares
            Three numbers that add up to 1, for every stratum and year; or a DataFrame with the columns
            ``under_1_week, weeks_1_to_3, months_1_to_11`` and those of ``by`` and ``sex`` by which they differ.
            They come from the statistics of the country: no default is right.

        Raises
        ------
        OptionError, LifeTableError
            Shares that do not add up to 1 or lack strata, or a table whose infancy is not one cell.

        Examples
        --------
        >>> import childsurv as cs
        >>> table = cs.demo.life_table().split_infancy([0.5, 0.2, 0.3])
        >>> table.age_starts[:4].round(3).tolist()
        [0.0, 0.019, 0.077, 1.0]
        """
        return split_infancy(self, shares)

    def extend(self, how: str = "last", *, until: int | None = None, over: int = 10) -> LifeTable:
        """Return a table that goes beyond its calendar cells by a named policy.

        Results computed with it report how many person-years used an extended cell.

        Parameters
        ----------
        how
            "last": the last cell before, or where there is none the first one after, of the same stratum and
            age, for all time. "trend": each stratum and age goes on by the log-linear trend of its last years,
            in calendar years up to ``until``; cells whose rate is 0 or missing in those years stay level.
            Years are carried, ages are not: the last age cell is open anyway, and a first age above 0
            stays so.
        until
            For "trend", the last calendar year.
        over
            For "trend", over how many of the last years the trend is taken.
        """
        require_choice(how, ("last", "trend"), argument="how")
        if how == "trend":
            if until is None:
                raise OptionError(
                    "extend('trend') needs until=, the last calendar year to carry the trend to."
                )
            return extend_by_trend(self, until=until, over=over)
        if until is not None:
            raise OptionError(
                "until= goes with extend('trend'); extend('last') carries the last cell on without end."
            )
        return extend_by_last(self)

    def stratum_codes(self, frame: pd.DataFrame, *, sex: str, missing: str = "error") -> IntArray:
        """Return the stratum of each row, or raise a `LifeTableError` that counts rows without one.

        Parameters
        ----------
        frame
            With the ``by`` columns of the table and the column named by ``sex``.
        missing
            "error", or "observed" for -1 where the table has no stratum for a row with a sex.
        """
        return stratum_codes(self.strata, frame, sex=sex, missing=missing)

    @asking("LifeTable.hazard")
    def hazard(self, *, sex: Any, birth_date: Any, date: Any, **by: Any) -> FloatArray:
        """Return the population hazard per day on given dates.

        Parameters
        ----------
        sex, birth_date, date
            One value or one a row: "male"/"female", and dates.
        **by
            The table's strata, one value or one a row: ``country="XAA"``.

        Returns
        -------
        ndarray of shape (n_rows,)

        Examples
        --------
        >>> import childsurv as cs
        >>> table = cs.demo.life_table()
        >>> country = table.strata["country"].iloc[0]
        >>> dates = ["2000-05-01", "2010-05-01"]
        >>> hazards = table.hazard(sex="male", birth_date="2000-05-01", date=dates, country=country)
        >>> bool(hazards[0] > hazards[1])
        True
        """
        frame = self._rows_frame(sex=sex, by=by, birth_date=birth_date, date=date)
        stratum = self.stratum_codes(frame, sex="sex")
        birth, day = days_of(frame["birth_date"]), days_of(frame["date"])
        # The hazard on a date is that of the day which begins with it.
        index = cell_index(self, stratum, birth, day, np.ones(len(frame), dtype=np.int64))
        return np.asarray(self.rates.ravel()[index])

    @asking("LifeTable.survival")
    def survival(self, *, sex: Any, birth_date: Any, date: Any, days: Any, **by: Any) -> FloatArray:
        """Return the probability that a member of the population survives some days from a date.

        ``exp(-integral of the hazard from date to date + days)``, the integral exact over cells.

        Parameters
        ----------
        sex, birth_date, date, **by
            As in `hazard`.
        days
            Length of time in days, one value or one a row.
        """
        frame = self._rows_frame(sex=sex, by=by, birth_date=birth_date, date=date, days=days)
        stratum = self.stratum_codes(frame, sex="sex")
        cumulative = cumulative_hazard(
            self,
            stratum,
            birth=days_of(frame["birth_date"]),
            diagnosis=days_of(frame["date"]),
            time=frame["days"].to_numpy(np.float64),
        )
        return np.asarray(np.exp(-cumulative))

    def plot(self, kind: str = "ages", **options: Any) -> Figure | Axes:
        """Show the mortality rates: lines by age coloured by year, or a map of age by year.

        Parameters
        ----------
        kind
            "ages" or "heatmap".
        **options
            As in `childsurv.plot.life_table`, such as ``populations={"sex": "female"}`` and ``ages=(0, 20)``.

        Returns
        -------
        Figure or Axes

        Examples
        --------
        >>> import childsurv as cs
        >>> table = cs.demo.life_table()
        >>> country = table.strata["country"].iloc[0]
        >>> len(table.plot("heatmap", populations={"country": country, "sex": "male"}).axes)
        2
        """
        from childsurv import plot

        return plot.life_table(self, kind=kind, **options)

    def _rows_frame(self, *, sex: Any, by: Mapping[str, Any], **columns: Any) -> pd.DataFrame:
        """Return one row a look-up from values and arrays, dates and days checked."""
        if set(by) != set(self.by):
            raise OptionError(
                f"{asked()}: this life table is by {', '.join(self.by) or 'sex alone'}; give "
                f"{', '.join(f'{name}=' for name in self.by) or 'no strata'}."
            )
        values = {"sex": sex, **by, **columns}
        arrays = {name: np.asarray(value) for name, value in values.items()}
        sizes = {name: array.size for name, array in arrays.items() if array.ndim == 1}
        if len(set(sizes.values())) > 1 or any(array.ndim > 1 for array in arrays.values()):
            raise OptionError(
                f"{asked()}: give one value, or one a row; got "
                f"{', '.join(f'{name} of shape {array.shape}' for name, array in arrays.items())}."
            )
        size = next(iter(sizes.values()), 1)
        frame = pd.DataFrame({name: np.broadcast_to(array, (size,)) for name, array in arrays.items()})
        for name in ("birth_date", "date"):
            # What cannot be read becomes missing, because the parser's own message would quote it.
            frame[name] = pd.to_datetime(frame[name], errors="coerce", format="ISO8601").astype(
                "datetime64[s]"
            )
            days = days_of(frame[name])
            bad = frame[name].isna().to_numpy() | (days < FIRST_DAY) | (days > LAST_DAY)
            if bad.any():
                raise DataError(
                    f"{asked()}: {name}= is not a date of the years 1800 to 2299 in {rows_where(bad)}."
                )
        if "days" in frame:
            days = pd.to_numeric(frame["days"], errors="coerce").to_numpy(np.float64)
            bad = ~np.isfinite(days) | (days < 0)
            if bad.any():
                raise DataError(f"{asked()}: days= is not a finite number of 0 or more in {rows_where(bad)}.")
            frame["days"] = days
        return frame
