"""Classification of childhood tumours from ICD-O-3 codes: data tables plus one look-up each."""

from childsurv.classify.iccc3 import classify_iccc3, iccc3_labels, iccc3_table

__all__ = ["classify_iccc3", "iccc3_labels", "iccc3_table"]
