"""Options by which ``coverage study rq1 … rq5`` name the data of any of the five studies."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from imprint.core.bounds import Bounds, Checked, OptionError

Options = TypeVar("Options")


@dataclass(frozen=True, kw_only=True)
class StudyData(Checked):
    """Training and test images under one name, and how many of each."""

    data: Path | None = None
    """Folder or file with a training and a test part, in place of --members and --tests."""
    records: Annotated[int | None, Bounds(least=0)] = None
    """Maximum number of training images and of test images, drawn at random; 0 for all.
    --member-records and --test-records, where they are given, go before it."""


def as_command(options: StudyData, kind: type[Options], **renamed: str) -> Options:
    """Return the options of the command that a study of this name is.

    Args:
        options: of the study, which has all fields of the command.
        kind: options of the command.
        renamed: fields of the command by the field of the study that sets them, where that is not
            None.

    Raises:
        OptionError: the data is named in two ways.
    """
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {n: v for n, v in vars(options).items() if n in names}
    if options.data is not None:
        for name in ("members", "tests"):
            if values[name] is not None:
                complaint = f"is in {options.data} already: leave it out, or --data"
                raise OptionError(type(options), name, complaint)
            values[name] = options.data
        values["tests_part"] = values["tests_part"] or "test"
    if options.records is not None:
        for name in ("member_records", "test_records"):
            if values[name] == getattr(kind, name):
                values[name] = options.records
    for name, own in renamed.items():
        if getattr(options, own) is not None:
            values[name] = getattr(options, own)
    return kind(**values)
