"""The search for mutated images that a network gets wrong."""
