"""Sections of the report about coverage, and their figures."""
