"""What the one-model test tells on the terminal."""

from __future__ import annotations

from typing import Any


def show_one_model(found: dict[str, Any]) -> None:
    """Print the score against every reference, and what is claimed of single images."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    title = "Déjà vu of one model: accuracy less the reference's  (points, 95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("reference", no_wrap=True)
    percents = sorted(next(iter(found["against"].values()))["test"], key=float, reverse=True)
    for percent in percents:
        table.add_column(f"{percent} %", justify="right", no_wrap=True)
    table.add_column("it is right", justify="right", no_wrap=True)
    for name, against in found["against"].items():
        label = f"→ {name}" if name == found["best"] else name
        cells = [in_points(against["test"][percent]["score"]) for percent in percents]
        right = against["test"][percents[0]]["reference_accuracy"]["value"]
        table.add_row(label, *cells, f"{100 * right:.1f} %")
    console = safe_console()
    console.print(table)
    if "against" in found["unseen"]:
        beyond = found["unseen"]["against"][found["best"]]
        never = beyond["test"][percents[0]]["score"]
        console.print(
            f"score on images it never saw: {in_points(never)}, against {found['best']}; "
            f"beyond that, on its own: {in_points(beyond['excess'])}",
            highlight=False,
        )
    claims = found["claims"]
    console.print(
        f"images that no reference explains: {claims['memorized']}, of which excluded: "
        f"{claims['excluded']}",
        highlight=False,
    )


def in_points(estimate: dict[str, Any]) -> str:
    """Return an estimate in signed points with its interval; what rounds to 0 has no minus."""
    low, high = (100 * bound for bound in estimate["ci95"])
    return f"{100 * estimate['value']:+z.1f} [{low:z.1f}, {high:z.1f}]"
