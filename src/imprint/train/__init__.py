"""Training: one loop, one file an objective, optimisers, checkpoints, the linear probe."""
