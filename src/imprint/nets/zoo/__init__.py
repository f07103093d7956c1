"""One file a family of architectures, each found by its name in ``ARCHITECTURES``."""
