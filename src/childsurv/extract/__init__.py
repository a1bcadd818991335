"""Everything about registry files: layouts, reading, cleaning of dates and codes, checks and exclusions."""

from __future__ import annotations

from childsurv.extract.check_workbook import write_checks
from childsurv.extract.layout import Layout
from childsurv.extract.linkage import compare_link_tokens, write_link_tokens
from childsurv.extract.load import layouts, load_layout
from childsurv.extract.propose import LayoutSuggestion, suggest_layout
from childsurv.extract.quality import data_quality
from childsurv.extract.read import read_extract
from childsurv.extract.rules import check_rules
from childsurv.extract.together import concat
from childsurv.extract.write import write_extract

__all__ = [
    "Layout",
    "LayoutSuggestion",
    "check_rules",
    "compare_link_tokens",
    "concat",
    "data_quality",
    "layouts",
    "load_layout",
    "read_extract",
    "suggest_layout",
    "write_checks",
    "write_extract",
    "write_link_tokens",
]
