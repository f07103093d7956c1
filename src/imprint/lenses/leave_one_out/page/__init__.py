"""Sections of the report about leave-one-out influence, and what the terminal shows of them."""
