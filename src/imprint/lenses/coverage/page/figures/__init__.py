"""Figures of the coverage lens that pages share or that need more than one function."""
