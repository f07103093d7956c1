"""A study on the terminal: what every attack reaches at every point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TITLES = {
    "models": "Membership by the number of reference models",
    "size": "Membership by records trained on",
    "epsilon": "Membership by the privacy budget",
    "curvature": "Membership by the curvature's step, probes and views",
}


def show_study(found: Mapping[str, Any]) -> None:
    """Print AUCs in percent with their intervals, then where they saturate and what failed."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    console = safe_console()
    points = found["points"]
    attacks = list(dict.fromkeys(name for point in points for name in point["attacks"]))
    fill = _measured if found["over"] == "curvature" else _compared
    for kind, part in _kinds(points).items():
        title = f"{TITLES[found['over']]}{kind}: AUC, %"
        table = Table(
            title=title, title_justify="left", box=SIMPLE, padding=(0, 0, 0, 1), pad_edge=False
        )
        fill(table, part, attacks)
        console.print(table)
    for line in [*_saturation(found), *_warnings(points)]:
        console.print(line, highlight=False)


def _kinds(points: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the points that one table compares: those of an order stand apart from all others."""
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for point in points:
        ordered = point.get("records_are", "random") != "random"
        parts.setdefault(" in an order" if ordered else "", []).append(point)
    return parts


def _compared(table: Any, points: Sequence[Mapping[str, Any]], attacks: Sequence[str]) -> None:
    """Fill a table with a row an attack and a column a point."""
    table.add_column("attack", no_wrap=True)
    for point in points:
        title = str(point["name"]).removeprefix("size ")
        table.add_column(title, justify="right", overflow="fold")
    for name in attacks:
        table.add_row(name, *(_auc(point["attacks"].get(name)) for point in points))
    if any("allowed" in point for point in points):
        table.add_row(
            "allowed by ε",
            *(_percent(point["allowed"]["auc"]) if "allowed" in point else "–" for point in points),
        )
    if any("difficulty" in point for point in points):
        table.add_row("difficulty", *(_difficulty(point) for point in points))


def _measured(table: Any, points: Sequence[Mapping[str, Any]], attacks: Sequence[str]) -> None:
    """Fill a table with a row a point and a column an attack."""
    for title in ("h", "probes", "views", "answers", "floor %", *attacks):
        table.add_column(title.replace("_", " "), justify="right", overflow="fold")
    for point in points:
        floor = max(point["at_floor"].values())
        table.add_row(
            f"{point['value']:g}",
            str(point["probes"]),
            str(len(point["views"])),
            str(point["queries"]),
            _percent(floor),
            *(_percent(point["attacks"][name]["auc"]["value"]) for name in attacks),
        )


def _saturation(found: Mapping[str, Any]) -> list[str]:
    told = []
    for name, saturation in found.get("saturation", {}).items():
        enough = saturation["models"]
        what = (
            enough["missing"]
            if isinstance(enough, dict)
            else f"from {enough} references on, no step gains half the width of the interval"
        )
        told.append(f"{name}: {what}")
    return told


def _warnings(points: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [
        f"{point['name']}: members are the first of an order, so this measures difficulty, "
        "not membership"
        for point in points
        if "measures" in point
    ]
    return told + [
        f"{point['name']}: control {control} FAILED"
        for point in points
        for control in point.get("failed_controls", [])
    ]


def _auc(attack: Mapping[str, Any] | None) -> str:
    if attack is None:
        return "–"
    shown = attack["auc"]
    low, high = (_percent(bound) for bound in shown["ci95"])
    return f"{_percent(shown['value'])}\n{low}…{high}"


def _difficulty(point: Mapping[str, Any]) -> str:
    return _auc(point["difficulty"]) if "difficulty" in point else "–"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
