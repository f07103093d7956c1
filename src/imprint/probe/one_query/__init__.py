"""Inputs that are crafted on reference models, so that one label of the target tells membership."""
