"""The model under audit with its records: one pass over the data that every lens shares."""
