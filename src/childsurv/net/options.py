"""What a user may ask of `net_survival`: which options go together, and which of the ways to count they choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.curves.curve_options import CurveOptions
from childsurv.errors import OptionError, asked, require_choice
from childsurv.fold.tally import PLAIN_SUMS, WEIGHTED_SUMS, Tally
from childsurv.lifetable.people import MISSING, LookedUp, People, look_up_conventions
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.net.daily import NAMES, Estimate, daily_estimate, finish_daily
from childsurv.net.intervals import finish_person_time, interval_estimate
from childsurv.net.programs import PEERS, peer_estimate, positions
from childsurv.net.relsurv import RelsurvOptions, relsurv_estimate
from childsurv.survival.intervals import NAMED_INTERVALS, interval_ends

FloatArray = npt.NDArray[np.float64]

METHODS = tuple(NAMES)
DAILY_FORMS = ("product", "exponential")
INTERVAL_FORMS = ("person-time", "actuarial")
TALLY_METHODS = ("pohar-perme", "ederer2")
"""Methods that sums of a `Tally` can be finished by."""


@dataclass(frozen=True)
class NetOptions:
    """Options of net survival that go together."""

    method: str
    """One of `METHODS`."""
    form: str
    """One of `DAILY_FORMS`, `INTERVAL_FORMS`, or of a peer."""
    intervals: str | Sequence[float] | None
    """A name, or where intervals end in years; ``None`` for estimates by day."""
    compat: str | None
    """The peer that is reproduced."""
    relsurv: RelsurvOptions
    """Options of that peer, where it is relsurv."""
    horizon_years: float | None
    """Years at which follow-up ends for all."""
    closing_date: Any
    """A date or the name of a column of dates, for Hakulinen's method."""
    missing: str
    """What to do with children without a life table, one of `MISSING`."""
    curves: CurveOptions
    """Level, kind of limits and minimum."""

    @classmethod
    def checked(
        cls,
        *,
        method: str,
        form: str | None,
        intervals: str | Sequence[float] | None,
        compat: str | None,
        compat_options: Mapping[str, Any] | None,
        horizon_years: float | None,
        closing_date: Any,
        missing: str,
        level: float,
        ci: str | None,
        minimum: int,
    ) -> NetOptions:
        """Return the options after checking that they go together; the parameters are those of `net_survival`."""
        require_choice(method, METHODS, argument="method")
        require_choice(missing, MISSING, argument="missing")
        if compat is not None:
            require_choice(compat, ("relsurv", *PEERS), argument="compat")
            if missing != "error":
                raise OptionError(
                    f"{asked()}: missing='observed' has no counterpart in {compat}; leave compat= out."
                )
        if compat_options and compat != "relsurv":
            raise OptionError(f"{asked()}: compat_options= goes with compat='relsurv'.")
        if closing_date is not None and method != "hakulinen":
            raise OptionError(f"{asked()}: closing_date= goes with method='hakulinen'.")
        if closing_date is not None and compat == "relsurv":
            raise OptionError(
                f"{asked()}: relsurv knows one closing date, the last date of all follow-up; leave closing_date= out."
            )
        forms = _forms(method, intervals, compat)
        chosen = forms[0] if form is None else form
        require_choice(chosen, forms, argument="form")
        kind = ci if ci is not None else PEERS[compat].ci if compat in PEERS else "log"
        return cls(
            method, chosen, intervals, compat, RelsurvOptions.checked(compat_options), horizon_years, closing_date,
            missing, CurveOptions.checked(level, kind, minimum),
        )  # fmt: skip

    @property
    def name(self) -> str:
        """Name of the estimator."""
        return NAMES[self.method] + ("" if self.compat is None else f", as {self.compat}")

    @property
    def needs_closing_date(self) -> bool:
        """Whether the date to which each child could have been followed is needed."""
        return self.method == "hakulinen" and self.compat is None

    def looked_up(self, table: LifeTable) -> LifeTable:
        """Return the table under the rule by which the way to count looks it up."""
        return (
            table.with_look_up("relsurv") if self.compat == "relsurv" and table.age_rule != "fixed" else table
        )

    def look_up_conventions(self, used: LookedUp, given: LookedUp) -> dict[str, Any]:
        """Return what a result reports of the table that was given, and of the rules by which it was used."""
        source = {"life_table": given.source, "life_table_digest": given.digest}
        if self.compat in PEERS:
            return source
        by_day = self.intervals is None or self.compat is not None
        return {**look_up_conventions(used, change="next" if by_day else "exact"), **source}

    def way(self, people: People) -> Estimate:
        """Return the estimate of people by the way to count that was asked for."""
        if self.compat == "relsurv":
            return relsurv_estimate(people, self.method, self.form, self.relsurv)
        if self.intervals is None:
            return daily_estimate(people, self.method, self.form)
        if self.compat is not None:
            years = _until(_peer_years(self.intervals, people, self.compat), people.horizon)
            return peer_estimate(people, self.compat, self.method, self.form, years)
        horizon = None if people.horizon is None else people.horizon * DAYS_PER_YEAR
        ends = _until(interval_ends(self.intervals, float(people.time.max())), horizon)
        return interval_estimate(people, self.method, self.form, ends)

    @property
    def sums(self) -> tuple[str, ...]:
        """Names of the sums that a Tally must have to be finished."""
        return WEIGHTED_SUMS if self.method == "pohar-perme" else PLAIN_SUMS

    def finish(self, sums: Tally) -> Estimate:
        """Return the estimate of sums that were added up elsewhere, where they suffice."""
        for holds, asked_for, reason in (
            (self.compat is not None, f"compat={self.compat!r}", "looks up each child in its own way"),
            (
                self.method not in TALLY_METHODS,
                f"method={self.method!r}",
                "expects each child's survival afresh",
            ),
            (self.form == "actuarial", "form='actuarial'", "gives each child one weight an interval"),
            (self.missing != "error", "missing='observed'", "asks which children have no life table"),
        ):
            if holds:
                raise OptionError(
                    f"{asked()}: {asked_for} {reason}, for which a Tally is not enough; give the rows, or leave it out."
                )
        if self.intervals is None:
            return finish_daily(sums, self.method, self.form)
        return finish_person_time(sums, self.method, interval_ends(self.intervals, float(sums.end.max())))


def _forms(method: str, intervals: str | Sequence[float] | None, compat: str | None) -> tuple[str, ...]:
    """Return the forms that a method has, the default first."""
    if compat in PEERS:
        peer = PEERS[compat]
        if method not in peer.methods:
            raise OptionError(
                f"{asked()}: compat={compat!r} reproduces method {', '.join(map(repr, peer.methods))}, not {method!r}."
            )
        if intervals is None:
            raise OptionError(f"{asked()}: compat={compat!r} needs intervals=, such as 'monthly'.")
        return tuple(one for one in peer.forms if method != "ederer1" or one == "actuarial")
    if compat == "relsurv" and intervals is not None:
        raise OptionError(f"{asked()}: relsurv has no intervals; leave intervals= out.")
    return DAILY_FORMS if intervals is None else INTERVAL_FORMS


def _until(ends: FloatArray, horizon: float | None) -> FloatArray:
    """Return the ends of intervals up to a horizon, which ends the last one: no rate goes on beyond it."""
    if horizon is None:
        return ends
    return np.append(ends[ends < horizon * (1 - 1e-12)], min(horizon, float(ends[-1])))


def _peer_years(intervals: str | Sequence[float], people: People, compat: str) -> FloatArray:
    """Return where intervals end, in the years of a peer."""
    if not isinstance(intervals, str):
        return interval_ends(intervals, float(people.time.max())) / DAYS_PER_YEAR
    require_choice(intervals, tuple(NAMED_INTERVALS), argument="intervals")
    parts = NAMED_INTERVALS[intervals]
    longest = float(positions(people, compat).time.max())
    return np.asarray(np.arange(1, max(1, int(np.ceil(longest * parts - 1e-9))) + 1) / parts)
