"""Survival against population mortality."""
