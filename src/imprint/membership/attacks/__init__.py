"""One membership attack a file; see :mod:`imprint.membership.attack`."""
