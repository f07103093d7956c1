"""The findings of a privacy audit as a table on the terminal."""

from __future__ import annotations

from typing import Any


def show_privacy(findings: dict[str, Any]) -> None:
    """Print a row a model: ε as accounted, every bound with its ceiling, and accuracies."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    canaries, confidence = findings["canaries"], 100 * findings["confidence"]
    title = (
        f"Privacy: ε at δ = {findings['delta']:g} from above and, at {confidence:g} %, from below\n"
        f"{canaries['count']} {canaries['kind']} canaries, of which {canaries['members']} members; "
        "below a bound its ceiling"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("", no_wrap=True)
    table.add_column("accounted", justify="right")
    for method in findings["runs"][0]["bounds"]:
        table.add_column(method, justify="right")
    for name in ("right guesses", "canaries learnt", "accuracy held out"):
        table.add_column(name, justify="right")
    for run in findings["runs"]:
        headline = run["bounds"][findings["method"]]
        limit = run["accounted"].get("epsilon")
        table.add_row(
            run["name"],
            "none" if limit is None else f"ε ≤ {limit:.2f}",
            *(f"≥ {b['epsilon']:.2f}\nof {b['ceiling']:.2f}" for b in run["bounds"].values()),
            f"{headline['correct']}\nof {headline['guesses']}",
            *(_percent(run["accuracy"][part]) for part in ("canaries_in", "held_out")),
        )
    Console().print(table)


def _percent(estimate: dict[str, Any]) -> str:
    return "–" if "missing" in estimate else f"{100 * estimate['value']:.1f} %"
