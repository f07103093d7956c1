"""The findings of the déjà vu lens as tables on the terminal."""

from __future__ import annotations

from typing import Any

from imprint.lenses.dejavu.page.terminal_one_model import show_one_model
from imprint.report.terminal import TERMINAL, in_percent


@TERMINAL.register("dejavu")
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


@TERMINAL.register("dejavu_sweep")
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
