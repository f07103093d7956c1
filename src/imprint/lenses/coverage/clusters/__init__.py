"""Clusters of important neurons, their cells, and what no test reaches."""
