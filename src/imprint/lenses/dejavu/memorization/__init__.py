"""The two-model and the one-model test on arrays: votes, scores, references, controls."""
