"""The findings of the coverage lens as a table on the terminal."""

from __future__ import annotations

from typing import Any


def show_coverage(findings: dict[str, Any]) -> None:
    """Print a row a criterion, and what is missing and why."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    if "criteria" not in findings:
        return
    console = Console()
    title = f"Coverage: what do {findings['test']:,} inputs exercise?  (95 % interval)"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("criterion", no_wrap=True)
    for name in ("value", "interval", "ceiling", "of the ceiling"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, found in findings["criteria"].items():
        if "missing" not in found:
            table.add_row(name, *_row(found))
    console.print(table)
    for name, found in findings["criteria"].items():
        if "missing" in found:
            console.print(f"{name} missing: {found['missing']}", highlight=False)


def _row(found: dict[str, Any]) -> tuple[str, str, str, str]:
    interval = found["ci95"]
    told = "" if isinstance(interval, dict) else "–".join(f"{bound:.4g}" for bound in interval)
    ceiling = "" if found["ceiling"] is None else f"{found['ceiling']:.4g}"
    share = "" if found["normalised"] is None else f"{100 * found['normalised']:.1f} %"
    return f"{found['value']:.4g}", told, ceiling, share
