"""Dates, running sums, limits and probabilities: arrays in, arrays out, and nothing of patients."""
