"""Cohorts: many models, each trained on another part of the same records."""
