"""Settings of published programs: of the déjà vu trainer, or of a leave-one-out program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.published_settings import (
    TranslatedFlags,
    flags_of_command_line,
    translate_flags,
)
from imprint.reading.regular import read_text
from imprint.reading.yaml_files import MAX_BYTES, read_yaml
from imprint.study.command import COMMANDS
from imprint.study.config import parse
from imprint.train.published_options import read_published_options

COMMAND_LINES = (".flags", ".sh", ".txt")


def read_settings(file: Path) -> TranslatedFlags:
    """Return the options that the settings of a published program stand for.

    Raises:
        ImprintError: a file that cannot be read, of no published program, or with a flag or a value
            that has no counterpart.
    """
    flags = _read_flags(file)
    translated = None if flags is None else translate_flags(flags, str(file))
    if translated is not None:
        return translated
    if file.suffix in COMMAND_LINES:
        raise ImprintError(
            f"{file} holds no flags of a published leave-one-out program: "
            "docs/published_flags.md lists them"
        )
    trainer = read_published_options(file)
    return TranslatedFlags("train", trainer.options, trainer.notes)


def check_settings(file: Path, command: str, written: Path) -> None:
    """Check that a command takes the options that were written for it.

    Args:
        file: the settings that they stand for.
        command: in words.
        written: a file of options.

    Raises:
        ImprintError: an option is out of its range.
    """
    words = ["--config", str(written), "--out", str(written.parent)]
    try:
        parse(COMMANDS.get(command).options, words, f"imprint {command}")
    except ImprintError as error:
        raise ImprintError(f"{file} stands for options that cannot be: {error}") from error


def _read_flags(file: Path) -> Mapping[str, Any] | None:
    """Return flat settings by name; None where the file holds sections."""
    try:
        if file.suffix in COMMAND_LINES:
            return flags_of_command_line(read_text(file, MAX_BYTES))
        content = read_yaml(file)
    except OSError as error:
        raise ImprintError(f"cannot read the settings {file}: {error.strerror}") from error
    if not isinstance(content, Mapping):
        return None
    return {str(name): value for name, value in content.items()}
