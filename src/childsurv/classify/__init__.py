"""Classification of childhood tumours from ICD-O-3 or ICD-10 codes, and their stage: tables, one look-up each."""

from childsurv.classify.iccc3 import classify_iccc3, compare_editions, iccc3_labels, iccc3_table
from childsurv.classify.icd10 import classify_icd10, icd10_table
from childsurv.classify.toronto import (
    check_toronto_stage,
    stage_completeness,
    toronto_schema,
    toronto_stages,
)

__all__ = [
    "check_toronto_stage",
    "classify_iccc3",
    "classify_icd10",
    "compare_editions",
    "iccc3_labels",
    "iccc3_table",
    "icd10_table",
    "stage_completeness",
    "toronto_schema",
    "toronto_stages",
]
