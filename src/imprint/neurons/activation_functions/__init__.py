"""Activation functions, one decorated object each."""
