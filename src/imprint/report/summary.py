"""The end of every study: ``summary.json``, ``options.yaml``, the page, and a few lines to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from imprint import __version__
from imprint.core.progress import say
from imprint.lenses.coverage.study.show import show_coverage
from imprint.lenses.dejavu.study.one_model_table import show_one_model
from imprint.lenses.leave_one_out.study.table import (
    show_landscape,
    show_leave_one_out,
    show_search,
)
from imprint.lenses.membership.study.table import show_membership
from imprint.study.config import to_plain
from imprint.study.options import Common
from imprint.study.store import Study, replacing, write_json

NOT_SETTINGS = ("out", "device", "json")


def finish(
    study: Study, options: Common, data: dict[str, Any], lenses: dict[str, Any]
) -> dict[str, Any]:
    """Write what a study found; return the content of ``summary.json``.

    Args:
        study: the folder.
        options: of the command; ``options.yaml`` replays it with ``--config``.
        data: facts about the images.
        lenses: findings by lens.
    """
    from imprint.report.page import write_report

    settings = _settings(options)
    shown = {name: without_folders(value) for name, value in settings.items()}
    summary = {"imprint": __version__, "data": data, "settings": shown, "lenses": lenses}
    write_json(study.path("summary.json"), summary)
    _write_options(study.root, settings)
    page = write_report(study.root)
    if not options.json:
        for lens, findings in lenses.items():
            SHOW[lens](findings)
    say(f"report: {page}")
    return summary


def finish_without_page(options: Common) -> None:
    """End a command on arrays alone: write the ``options.yaml`` that replays it, say where."""
    _write_options(options.out, _settings(options))
    say(f"results: {options.out}")


def _settings(options: Common) -> dict[str, Any]:
    return {k: value for k, value in to_plain(options).items() if k not in NOT_SETTINGS}


def _write_options(root: Path, settings: dict[str, Any]) -> None:
    import yaml

    with replacing(root / "options.yaml") as temporary:
        temporary.write_text(
            yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )


def without_folders(value: Any) -> Any:
    """Return a setting without the folders of whoever ran the command: names of files alone.

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


def show_dejavu(findings: dict[str, Any]) -> None:
    """Print the headline tables of the déjà vu lens: of two models, of one, or of both."""
    from imprint.lenses.dejavu.page.verdict import one_model_verdict, two_model_verdict

    if "two_model" in findings:
        _show_two_model(findings)
        print(two_model_verdict(findings).heading)
    if "one_model" in findings:
        show_one_model(findings["one_model"])
        print(one_model_verdict(findings["one_model"]).heading)


def _show_two_model(findings: dict[str, Any]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    names = {
        "score": "déjà vu score",
        "target_accuracy": "target accuracy",
        "reference_accuracy": "reference",
    }
    title = "Déjà vu: does the background bring back the object?  (%, 95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("most sure", no_wrap=True)
    for name in names.values():
        table.add_column(name, justify="right", no_wrap=True)
    for percent, found in findings["two_model"].items():
        table.add_row(f"{percent} %", *(in_percent(found[name]) for name in names))
    console = safe_console()
    console.print(table)
    for name, control in findings.get("controls", {}).items():
        verdict = "passed" if control["passed"] else "FAILED"
        console.print(f"control {name}: {verdict}", highlight=False)


def show_sweep(findings: dict[str, Any]) -> None:
    """Print the déjà vu score of every point of a sweep."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    percents = list(findings["points"][0]["two_model"])
    title = "Déjà vu score of every point  (points, 95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("varied", overflow="fold")
    table.add_column("epoch", justify="right", no_wrap=True)
    for percent in percents:
        table.add_column(f"surest {percent} %", justify="right", no_wrap=True)
    for row in findings["points"]:
        name = f"{row['axis'].split('.')[-1]}={row['value']}" if row["value"] else "as given"
        scores = (in_percent(row["two_model"][percent]["score"]) for percent in percents)
        table.add_row(name, str(row["epoch"]), *scores)
    safe_console().print(table)


def in_percent(estimate: dict[str, Any]) -> str:
    """Return an estimate in percent with its interval; what rounds to 0 has no minus."""
    low, high = estimate["ci95"]
    value, low, high = (100 * number for number in (estimate["value"], low, high))
    return f"{value:z.1f} [{low:z.1f}, {high:z.1f}]"


SHOW = {
    "coverage": show_coverage,
    "dejavu": show_dejavu,
    "dejavu_sweep": show_sweep,
    "membership": show_membership,
    "leave_one_out": show_leave_one_out,
    "leave_one_out_search": show_search,
    "leave_one_out_landscape": show_landscape,
}
