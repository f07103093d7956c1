"""The comparison with retraining in a few lines on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def show_comparison(findings: dict[str, Any], console: Console | None = None) -> None:
    """Print what was retrained, and one row an estimate, the best first.

    Args:
        findings: with ``retraining`` and, if there, ``lines`` and ``comparison``.
        console: where to; left out, standard output.
    """
    if console is None:
        from imprint.core.terminal import safe_console

        console = safe_console()
    console.print(_retrained(findings["retraining"]), highlight=False)
    if "lines" in findings:
        console.print(_along(findings["lines"]), highlight=False)
    if "comparison" not in findings:
        return
    compared, ceiling = findings["comparison"], findings["retraining"]["ceiling"]
    title = "Estimates beside retraining (ρ rank correlation, r Pearson's; 95 % interval)"
    console.print(f"\n{title}", style="italic", highlight=False)
    console.print(_estimates(compared["estimators"], ceiling))
    for line in _costs(compared):
        console.print(line, highlight=False)
    for name, row in compared["estimators"].items():
        if "unconverged" in row["facts"]:
            console.print(f"* {name}: {row['facts']['unconverged']}", highlight=False)
    for name, reason in compared["skipped"].items():
        console.print(f"{name}: {reason}", highlight=False)


def _estimates(estimators: dict[str, Any], ceiling: dict[str, Any]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, padding=0, show_edge=False)
    table.add_column("estimator", no_wrap=True)
    for name in ("ρ shift", "r shift", "ρ AUC", "LDS", "CPU s", "MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in sorted(estimators.items(), key=_order):
        told = " *" if "unconverged" in row["facts"] else ""
        peak = row["peak_bytes"]
        table.add_row(
            name + told,
            _with_interval(row["difference"].get("spearman")),
            _alone(row["difference"].get("pearson")),
            _alone(row["auc"].get("spearman")),
            _alone(row["datamodeling"]),
            _seconds(row["cpu_seconds"]),
            "?" if peak is None else f"{peak / 1e6:.0f}",
        )
    if "missing" not in ceiling["difference"]:
        table.add_section()
        table.add_row(
            "noise ceiling",
            _with_interval(ceiling["difference"]["spearman"]),
            _alone(ceiling["difference"]["pearson"]),
        )
    return table


def _costs(compared: dict[str, Any]) -> list[str]:
    """Return what the columns of costs measure, and what none of the rows has."""
    lines = [
        "CPU s: of all threads of this process. MB: most resident memory, less that before; "
        "what is loaded on first use counts for the first row that needs it."
    ]
    training = compared.get("training")
    if training is not None:
        lines.append(
            "All but the closed forms take a trained network first, "
            f"{_seconds(training['cpu_seconds'])} CPU s, in no row."
        )
    if compared.get("device", "cpu") != "cpu":
        lines.append(
            f"What ran on {compared['device']}, all but the closed forms, has more time and memory."
        )
    return lines


def _retrained(found: dict[str, Any]) -> str:
    shift, auc = found["root_difference"], found["auc"]
    return (
        f"{found['left_out']} records left out of {found['records']}, {found['pairs']} pairs of "
        f"networks each: shift of a logit {_with_interval(shift)}, attack AUC "
        f"{_with_interval(auc)} (each ± {found['auc_error']:.3f})"
    )


def _along(found: dict[str, Any]) -> str:
    """Return the AUC of networks at the records and at the ends of lines, and the closed form's."""
    curves = found["curves"]["auc"]
    if "missing" in curves:
        return f"AUC along lines: {curves['missing']}"
    origin, told = found["steps"].index(0), []
    for kind, curve in curves.items():
        value, form = curve["networks"], curve["closed_form"]
        error = "" if curve["error"] is None else f" ± {curve['error'][-1]:.3f}"
        told.append(f"{kind} {value[-1]:.3f}{error} (closed form {form[-1]:.3f})")
    first = next(iter(curves.values()))
    here = f"{first['networks'][origin]:.3f} (closed form {first['closed_form'][origin]:.3f})"
    return f"AUC along lines: {here} at the record, at the end {', '.join(told)}"


def _order(item: tuple[str, dict[str, Any]]) -> tuple[bool, float]:
    found = item[1]["difference"]
    return "missing" in found, -found.get("spearman", {}).get("value", 0.0)


def _with_interval(found: dict[str, Any] | None) -> str:
    if found is None or "missing" in found:
        return "-"
    low, high = found["ci95"]
    return f"{found['value']:.2f} [{low:.2f}, {high:.2f}]"


def _seconds(value: float) -> str:
    if value < 0.01:
        return "<0.01"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _alone(found: dict[str, Any] | None) -> str:
    return "-" if found is None or "missing" in found else f"{found['value']:.2f}"
