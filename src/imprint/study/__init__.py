"""A study folder and what is written into it: options, artefacts and their cards, tables."""
