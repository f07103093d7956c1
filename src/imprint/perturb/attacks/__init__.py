"""Adversarial attacks, one a file; see :mod:`imprint.perturb.adversarial`."""
