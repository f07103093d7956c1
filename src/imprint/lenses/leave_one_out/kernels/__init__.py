"""One file a family of kernels, each found by its name in ``KERNELS``."""
