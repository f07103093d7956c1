"""The coverage lens: which behaviours of a network a test set exercises."""
