"""Factors, inverses and products in tiles, the same bytes whatever the number of threads."""
