"""Sections of the report about leave-one-out influence, and their figures."""
