"""Options every command has; see :mod:`imprint.options`."""

from imprint.options import Common

__all__ = ["Common"]
