"""The findings of an ensemble as a table on the terminal."""

from __future__ import annotations

from typing import Any

SHOWN = 5
ACCURACIES = {
    "members": "accuracy on records trained on",
    "others": "accuracy on the other records",
    "gap": "difference: mean memorization",
    "test": "accuracy on test examples",
}


def show_ensemble(findings: dict[str, Any]) -> None:
    """Print accuracies, how much is memorized, the most memorized records and strongest pairs."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    title = f"Memorization: {findings['runs']} models, {findings['records']} records"
    table = Table(title=title, title_justify="left", box=SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for kind, name in ACCURACIES.items():
        table.add_row(name, _percent(findings["accuracy"][kind]))
    memorized = findings["memorized"]
    if "missing" not in memorized:
        error = findings["scores"]["standard_error"]["median"]
        table.add_row(
            f"records of {memorized['cut']:g} and more",
            f"{memorized['count']} of {memorized['of']}",
        )
        table.add_row("of them by chance, were none memorized", f"{memorized['by_chance']:.3g}")
        table.add_row("median standard error", f"{error:.3f}")
    console = safe_console()
    console.print(table)
    for reason, count in findings["missing"].items():
        console.print(f"{count} records have no score: {reason}", highlight=False)
    _show_records(console, findings["most_memorized"][:SHOWN])
    _show_pairs(console, findings["pairs"])


def _show_records(console: Any, records: list[dict[str, Any]]) -> None:
    for found in records:
        console.print(
            f"{_name(found, 'file', 'index')}: memorization {found['memorization']:.3f} "
            f"± {found['standard_error']:.3f}",
            highlight=False,
        )


def _show_pairs(console: Any, pairs: dict[str, Any]) -> None:
    if "missing" in pairs:
        console.print(f"no pairs: {pairs['missing']}", highlight=False)
        return
    console.print(
        f"{pairs['count']} pairs with influence of {pairs['influence_cut']:g} and more "
        f"({pairs['records']} records, {pairs['test_examples']} test examples)",
        highlight=False,
    )
    for found in pairs["strongest"][:SHOWN]:
        console.print(
            f"{_name(found, 'file', 'index')} on {_name(found, 'test_file', 'test')}: influence "
            f"{found['influence']:.3f} ± {found['standard_error']:.3f}",
            highlight=False,
        )


def _name(found: dict[str, Any], file: str, index: str) -> str:
    return str(found.get(file, f"record {found[index]}"))


def _percent(estimate: dict[str, Any]) -> str:
    if "missing" in estimate:
        return "unknown"
    value, low, high = (100 * x for x in (estimate["value"], *estimate["ci95"]))
    return f"{value:.2f} % [{low:.2f}, {high:.2f}]"
