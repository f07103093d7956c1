"""Architectures, heads, the Subject under audit, and its files."""
