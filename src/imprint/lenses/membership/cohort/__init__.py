"""Attacks on every model of a cohort, and how exposed records are over models."""
