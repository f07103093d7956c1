"""Criteria fitted once, kept in a file, and measured and merged later."""
