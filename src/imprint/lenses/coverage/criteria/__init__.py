"""Coverage criteria, one file each."""
