"""Memorization and influence from models trained with and without a record."""
