"""Arrays about neurons: activations, importance, ballots."""
