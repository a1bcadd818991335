"""One self-contained page, its tables and its pictures from a cohort."""

from __future__ import annotations

from childsurv.reporting.build import Report, report

__all__ = ["Report", "report"]
