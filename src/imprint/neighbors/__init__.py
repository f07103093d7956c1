"""Exact nearest neighbours, and the float32 screen before them."""
