"""The findings of the coverage lens as a table on the terminal."""

from __future__ import annotations

from typing import Any

from imprint.report.terminal import TERMINAL


@TERMINAL.register("coverage")
def show_coverage(findings: dict[str, Any]) -> None:
    """Print what was found: of criteria, importance, a vote, a monitor, and what goes with it."""
    if "criteria" in findings:
        _show_criteria(findings)
    for method, found in findings.get("importance", {}).get("methods", {}).items():
        _show_leading(f"Importance by {method}", found["leading"], "score")
    if "wisdom" in findings:
        settled = "settled" if findings["wisdom"]["settled"] else "not settled"
        title = f"Votes of {findings['wisdom']['batches']} ballots, {settled}"
        _show_leading(title, findings["wisdom"]["leading"], "votes", "frequency")
    _show_scopes(findings.get("scopes", {}))
    if "search" in findings:
        _show_search(findings["search"])
    if "selector" in findings:
        _show_selector(findings["selector"]["scopes"])
    if "monitor" in findings:
        _show_monitor(findings["monitor"])


def _show_criteria(findings: dict[str, Any]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    console = safe_console()
    title = f"Coverage: what do {findings['test']:,} inputs exercise?"
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("criterion", no_wrap=True)
    for name in ("value", "interval", "ceiling", "of the ceiling"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, found in findings["criteria"].items():
        if "missing" not in found:
            table.add_row(name, *_row(found))
    console.print(table)
    console.print(
        "95 % intervals of the mean value over test sets of as many inputs from the same source",
        highlight=False,
        soft_wrap=True,
    )
    for name, found in findings["criteria"].items():
        if "missing" in found:
            console.print(f"{name} missing: {found['missing']}", highlight=False, soft_wrap=True)
        elif isinstance(found["ci95"], dict):
            reason = found["ci95"]["missing"]
            console.print(f"{name} has no interval: {reason}", highlight=False, soft_wrap=True)
    for name, cells in findings.get("cells", {}).items():
        if "source" in cells and "neurons" in cells:
            console.print(
                f"{name.upper()}: neurons by {cells['source']}", highlight=False, soft_wrap=True
            )


def _show_leading(title: str, rows: list[dict[str, Any]], *columns: str) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("layer", no_wrap=True)
    for name in ("neuron", *columns):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        numbers = (_number(row[name]) for name in columns)
        table.add_row(row["layer"], str(row["neuron"]), *numbers)
    safe_console().print(table)


def _show_monitor(found: dict[str, Any]) -> None:
    from imprint.core.terminal import safe_console

    new = found["new"]
    low, high = (100 * bound for bound in new["ci95"])
    safe_console().print(
        f"{100 * new['value']:.1f} % [{low:.1f}, {high:.1f}] of {new['n']:,} test inputs are in "
        f"cells that none of {found['training_inputs']:,} training inputs reached; of inputs like "
        f"these {100 * found['expected_new']:.1f} % would be; its {found['neurons']} neurons are "
        f"chosen by {found['source']}",
        highlight=False,
        soft_wrap=True,
    )


def _show_scopes(scopes: dict[str, Any]) -> None:
    from imprint.core.terminal import safe_console

    for part, found in scopes.items():
        told = found.get("missing") or ", ".join(
            f"{name} {100 * one['value']:.3g} %" for name, one in found["scopes"].items()
        )
        safe_console().print(f"IDC by {part}: {told}", highlight=False, soft_wrap=True)


def _show_search(found: dict[str, Any]) -> None:
    from imprint.core.terminal import safe_console

    config = ", ".join(f"{name} {value}" for name, value in found["best_config"].items())
    score = found["best_score"]
    told = score.get("missing") or (
        f"correlation {score['value']:.2f} [{score['ci95'][0]:.2f}, {score['ci95'][1]:.2f}], the "
        f"best of {found['num_evaluations']} and so biased upwards"
    )
    safe_console().print(f"Best clusterer: {config}; {told}", highlight=False, soft_wrap=True)


def _show_selector(scopes: dict[str, Any]) -> None:
    from imprint.core.terminal import safe_console

    for scope, found in scopes.items():
        right = found["accuracy"]
        low, high = (100 * bound for bound in right["ci95"])
        safe_console().print(
            f"Selector, {scope}: the best method in {100 * right['value']:.0f} % [{low:.0f}, "
            f"{high:.0f}] of {right['n']} held-out images; the most frequent one in "
            f"{100 * found['most_frequent']:.0f} %",
            highlight=False,
            soft_wrap=True,
        )


def _row(found: dict[str, Any]) -> tuple[str, str, str, str]:
    interval = found["ci95"]
    told = "" if isinstance(interval, dict) else "–".join(map(_number, interval))
    ceiling = "" if found["ceiling"] is None else _number(found["ceiling"])
    share = "" if found["normalised"] is None else f"{100 * found['normalised']:.1f} %"
    return _number(found["value"]), told, ceiling, share


def _number(value: float) -> str:
    """Return four digits, and every digit before the point.

    >>> _number(16913), _number(16913.4), _number(0.123456), _number(5e-7), _number(12.3456)
    ('16,913', '16,913', '0.1235', '5e-07', '12.35')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
