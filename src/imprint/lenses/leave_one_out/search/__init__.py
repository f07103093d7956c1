"""Searches for queries that reveal a record, and landscapes around records."""
