"""The one exception a user is meant to read."""

from __future__ import annotations


class ImprintError(Exception):
    """A bad path, file, image, box, shape, key or setting.

    The message is one sentence that says what is wrong, where, and what to do. The command
    line prints it and leaves with exit code 2.
    """
