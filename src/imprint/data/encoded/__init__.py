"""Encoded images wherever they lie: their bytes, read at their offset, and what decodes them."""
