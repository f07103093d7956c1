"""Votes for important neurons, and the learned selector."""
