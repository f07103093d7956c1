"""Dual activations in closed form, one class each."""
