"""Sections of the page: one module each, registered under its own name."""
