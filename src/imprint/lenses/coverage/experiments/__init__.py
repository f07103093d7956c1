"""Published studies of coverage: what they ask, do and find."""
