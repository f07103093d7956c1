"""Fits beyond a kernel matrix in memory: panels on disk, conjugate gradients, Nyström."""
