"""What criteria share: fit, update, merge, value; neurons, extremes, surprise."""
