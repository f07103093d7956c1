"""Steps of a cohort study: train, attack every model, memorization."""
