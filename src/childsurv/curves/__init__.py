"""Curves, the result of every estimator of survival over time, and what users ask of them."""
