"""Names under which pictures know the words and number forms of `childsurv.words.catalogue`."""

from childsurv.words.catalogue import (
    count_text,
    decimal_text,
    hidden_note,
    p_value_text,
    percent_text,
    value_text,
    year_text,
)
from childsurv.words.catalogue import picture_text as text

__all__ = [
    "count_text",
    "decimal_text",
    "hidden_note",
    "p_value_text",
    "percent_text",
    "text",
    "value_text",
    "year_text",
]
