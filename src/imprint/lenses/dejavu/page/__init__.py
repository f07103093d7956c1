"""Sections of the report about déjà vu, and their figures."""
