"""Steps of a privacy audit: canaries, DP-SGD, bounds."""
