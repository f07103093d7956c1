"""A study on the terminal: a row a point, a column an attack."""

from __future__ import annotations

from typing import Any

TITLES = {
    "models": ("references", "Membership by the number of reference models"),
    "size": ("trained on", "Membership by the size of the training set"),
    "epsilon": ("budget", "Membership by the privacy budget"),
    "curvature": ("measured", "Membership by how curvature is measured"),
}


def show_study(found: dict[str, Any]) -> None:
    """Print the AUC of every attack at every point, in percent, and where it saturates."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    what, title = TITLES[found["over"]]
    attacks = list(dict.fromkeys(name for point in found["points"] for name in point["attacks"]))
    table = Table(title=f"{title}: AUC, %", title_justify="left")
    table.add_column(what, no_wrap=True)
    for name in attacks:
        table.add_column(name, justify="right")
    if found["over"] == "epsilon":
        table.add_column("allowed", justify="right")
    for point in found["points"]:
        row = [_auc(point["attacks"].get(name)) for name in attacks]
        if found["over"] == "epsilon":
            row.append(_percent(point["allowed"]["auc"]) if "allowed" in point else "–")
        name = point["name"] + (" (difficulty)" if point.get("measures") else "")
        table.add_row(name, *row)
    console.print(table)
    for name, saturation in found.get("saturation", {}).items():
        enough = saturation["models"]
        told = (
            f"from {enough} references on, more add nothing beyond noise"
            if isinstance(enough, int)
            else enough["missing"]
        )
        console.print(f"{name}: {told}", highlight=False)
    for point in found["points"]:
        for control in point.get("failed_controls", []):
            console.print(f"{point['name']}: control {control} FAILED", highlight=False)


def _auc(attack: dict[str, Any] | None) -> str:
    if attack is None:
        return "–"
    shown = attack["auc"]
    low, high = (f"{100 * bound:.1f}" for bound in shown["ci95"])
    return f"{_percent(shown['value'])}\n{low} … {high}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
