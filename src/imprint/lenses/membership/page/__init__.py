"""Sections of the report about membership, and their figures."""
