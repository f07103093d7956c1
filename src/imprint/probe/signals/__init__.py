"""Membership signals of records: confidence, curvature, gradients, distances."""
