"""Dates, running sums, limits and probabilities: functions of arrays that know nothing of patients."""
