"""The findings of a privacy audit as a table on the terminal."""

from __future__ import annotations

from typing import Any


def show_privacy(findings: dict[str, Any]) -> None:
    """Print a row a model: ε as accounted, the bounds with their ceilings, accuracies."""
    from rich.console import Console
    from rich.table import Table

    canaries, confidence = findings["canaries"], 100 * findings["confidence"]
    title = (
        f"Privacy: ε from above and from below, δ = {findings['delta']:g}, "
        f"{canaries['count']} {canaries['kind']} canaries  (bounds at {confidence:g} %, [ceiling])"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("model", no_wrap=True)
    methods = list(findings["runs"][0]["bounds"])
    for name in ("accounted ε ≤", *(f"{method} ε ≥" for method in methods), "right"):
        table.add_column(name, justify="right")
    for name in ("canaries in", "held out"):
        table.add_column(name, justify="right")
    for run in findings["runs"]:
        bounds, headline = run["bounds"], run["bounds"][findings["method"]]
        table.add_row(
            run["name"],
            f"{run['accounted']['epsilon']:.2f}" if "missing" not in run["accounted"] else "none",
            *(_bound(bounds[method]) for method in methods),
            f"{headline['correct']} of {headline['guesses']}",
            *(_percent(run["accuracy"][part]) for part in ("canaries_in", "held_out")),
        )
    Console().print(table)


def _bound(bound: dict[str, Any]) -> str:
    return f"{bound['epsilon']:.2f} [{bound['ceiling']:.2f}]"


def _percent(estimate: dict[str, Any]) -> str:
    return "–" if "missing" in estimate else f"{100 * estimate['value']:.1f} %"
