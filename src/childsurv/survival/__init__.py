"""Observed survival: estimators that need no population mortality."""
