"""What estimators of influence share: the question, gradients, parameters."""
