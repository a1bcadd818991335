"""The one result of every estimator of survival over time, and what one asks of it."""
