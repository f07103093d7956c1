"""The findings of a privacy audit as a table on the terminal."""

from __future__ import annotations

from typing import Any


def show_privacy(findings: dict[str, Any]) -> None:
    """Print a row a model: ε as accounted, the bound of the verdict, and accuracies."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    canaries, confidence = findings["canaries"], 100 * findings["confidence"]
    title = (
        f"Privacy: ε at δ = {findings['delta']:g} from above and, at {confidence:g} %, from below\n"
        f"{canaries['count']} {canaries['kind']} canaries, of which {canaries['members']} members "
        f"(fair coins: p = {canaries['coins_p_value']:.2g})"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("accounted", "audited", "ceiling", "right", "learnt", "held out"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in findings["runs"]:
        bound, limit = run["bounds"][findings["method"]], run["accounted"].get("epsilon")
        table.add_row(
            run["name"],
            "none" if limit is None else f"ε ≤ {limit:.2f}",
            f"ε ≥ {bound['epsilon']:.2f}" if bound["epsilon"] else "nothing",
            f"{bound['ceiling']:.2f}",
            f"{bound['correct']} of {bound['guesses']}",
            *(_percent(run["accuracy"][part]) for part in ("canaries_in", "held_out")),
        )
    safe_console().print(table)


def _percent(estimate: dict[str, Any]) -> str:
    return "–" if "missing" in estimate else f"{100 * estimate['value']:.1f} %"
