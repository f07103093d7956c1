"""Passes of networks over data: the only place where a trained network meets images."""
