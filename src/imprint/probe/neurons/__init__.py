"""Activations of neurons: which layers are tapped, and how neurons are read and selected."""
