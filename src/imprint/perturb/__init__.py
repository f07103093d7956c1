"""Inputs that are changed: noise on chosen pixels, and adversarial attacks."""
