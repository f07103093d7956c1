"""Architectures, heads, the ImageModel under audit, and its files."""
