"""Mutations of images, one family a file."""
