"""The one exception a user is meant to read."""

from __future__ import annotations

from imprint.core.terminal import printable, shorten


class ImprintError(Exception):
    """A bad path, file, image, box, shape, key or setting.

    The message is one sentence that says what is wrong, where, and what to do. The command
    line prints it and leaves with exit code 2. Whatever a file put into the message, it is one
    line of bounded length without control characters.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shorten(printable(message)))
