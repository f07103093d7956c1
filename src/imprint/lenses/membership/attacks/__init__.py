"""One membership attack a file; see :mod:`imprint.lenses.membership.attack_kit.attack`."""
