"""Coverage-guided fuzzing: mutated inputs that a network gets wrong, and what guides the search."""
