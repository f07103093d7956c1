"""The end of every study: ``summary.json``, ``options.yaml``, the page, and a few lines to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from imprint.core.durable import replacing
from imprint.core.progress import log
from imprint.launch.options import ManyTasks
from imprint.report.model_facts import ModelFacts
from imprint.report.provenance import library_versions, typed_command
from imprint.report.summary_file import new_summary as new_summary
from imprint.report.summary_file import read_summary as read_summary
from imprint.report.terminal import TERMINAL, print_all
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.options import Common
from imprint.study.plain import JsonObject, to_plain
from imprint.study.store import Study

NOT_SETTINGS = ("out", "device", "json", "stamp", *(field.name for field in fields(ManyTasks)))
"""Options that no result depends on: where it is computed and written, and how it is shown."""


def finish(
    study: Study,
    options: Common,
    data: Mapping[str, Any],
    lenses: Mapping[str, Any],
    model: ModelFacts | None = None,
    not_run: Mapping[str, str] | None = None,
) -> JsonObject:
    """Write what a study found; return the content of ``summary.json``.

    Args:
        study: the folder.
        options: of the command; ``options.yaml`` replays it with ``--config``.
        data: facts about the images.
        lenses: findings by lens.
        model: what is known of the model as a whole; None for nothing.
        not_run: why a lens was left out, by its name: sentences without their full stop.
    """
    from imprint.report.page import write_report

    settings = _settings(options)
    shown = {name: without_folders(value) for name, value in settings.items()}
    front: JsonObject = {"versions": library_versions()}
    command = typed_command(options, shown)
    if command is not None:
        front["command"] = command
    if options.stamp:
        front["stamp"] = options.stamp
    if model is not None:
        front["model"] = to_json(model)
    if not_run:
        front["not_run"] = not_run
    summary = new_summary(data, lenses, shown, front)
    write_json(study.path("summary.json"), summary)
    _write_options(study.root, settings)
    page = write_report(study.root)
    if not options.json:
        for lens, findings in lenses.items():
            print_all(TERMINAL.get(lens)(findings))
    log(f"report: {page}")
    return summary


def finish_without_page(options: Common) -> None:
    """End a command on arrays alone: write the ``options.yaml`` that replays it, say where."""
    _write_options(options.out, _settings(options))
    log(f"results: {options.out}")


def _settings(options: Common) -> JsonObject:
    return {k: value for k, value in to_plain(options).items() if k not in NOT_SETTINGS}


def _write_options(root: Path, settings: JsonObject) -> None:
    import yaml

    with replacing(root / "options.yaml") as temporary:
        temporary.write_text(
            yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )


def without_folders(value: Any) -> Any:
    """Return a setting without the folders of the machine: file names only.

    Summary and page are handed on; ``options.yaml``, which replays the command where it was run,
    keeps every path.

    >>> without_folders(["/home/me/cats", "transformers:/home/me/vit", "relu", 3])
    ['cats', 'transformers:vit', 'relu', 3]
    """
    if isinstance(value, dict):
        return {key: without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_folders(inner) for inner in value]
    if not isinstance(value, str):
        return value
    before, colon, behind = value.partition(":")
    if os.path.isabs(behind):
        return before + colon + Path(behind).name
    return Path(value).name if os.path.isabs(value) else value
