"""The findings of the leave-one-out lens in a few lines on the terminal."""

from __future__ import annotations

from typing import Any

from imprint.lenses.leave_one_out.study.truth.compare_table import show_comparison
from imprint.report.terminal import TERMINAL


@TERMINAL.register("leave_one_out")
def show_leave_one_out(findings: dict[str, Any]) -> None:
    """Print the headline numbers, and one row a noise variance of a noise path."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    if "retraining" in findings:
        show_comparison(findings)
        return
    console = safe_console()
    table = Table(title="Leave one out: who would be missed?", title_justify="left", box=SIMPLE)
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right")
    for name, value in _lines(findings):
        table.add_row(name, value)
    table.show_header = False
    console.print(table)
    if "noise_path" in findings:
        console.print(_path(findings["noise_path"]))


def _lines(findings: dict[str, Any]) -> list[tuple[str, str]]:
    accuracy, told = findings["leave_one_out_accuracy"], findings["distinguishable"]
    kl = findings["kl_out_in"]
    freedom, given = findings["effective_degrees_of_freedom"], findings["given_away"]
    lines = [
        ("records", _counted(findings)),
        ("right without themselves", _percent(accuracy)),
        (f"told by an AUC of {told['auc']:g} or more", _percent(told)),
        (f"given away: TPR {given['tpr']:g} at FPR {given['fpr']:g}", _percent(given)),
        ("KL(out || in), median", _number(kl["median"]) + " nats"),
        ("the most", f"{kl['most']['value']:.3g} nats, index {kl['most']['index']}"),
        ("effective degrees of freedom", f"{freedom:.1f} of {findings['records']}"),
    ]
    lines.extend(_duplicates(findings["duplicates"]))
    if "approximation" in findings:
        lines.extend(_approximation(findings["approximation"]))
    if "missing" in findings.get("queries", {}):
        lines.append(("queries", "none: --method dense answers them"))
    return lines


def _counted(findings: dict[str, Any]) -> str:
    records, distinct = findings["records"], findings["distinct"]
    return str(records) if distinct == records else f"{records}, {distinct} of them distinct"


def _duplicates(duplicates: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the page says of copies too."""
    lines = []
    exact, near, collinear = (duplicates[kind] for kind in ("exact", "near", "collinear"))
    if exact["groups"]:
        lines.append(("exact copies, left out together", _grouped(exact)))
    if exact.get("conflicting"):
        example = " and ".join(map(str, exact["disputed"][0]))
        lines.append(("copies with different labels", f"{exact['conflicting']}, index {example}"))
    if near.get("records", 0) > exact["records"]:
        within = f"within {100 * near['distance']:g} % of one another to the kernel, left out alone"
        lines.append((within, _grouped(near)))
    if collinear.get("records", 0) > exact["records"]:
        lines.append(("the same to the kernel, left out alone", _grouped(collinear)))
    return lines


def _grouped(found: dict[str, Any]) -> str:
    groups = found["groups"]
    return f"{found['records']} records in {groups} group{'' if groups == 1 else 's'}"


def _approximation(found: dict[str, Any]) -> list[tuple[str, str]]:
    error = found["relative_error"]["kl_out_in"]
    middle, most = (error[name]["value"] for name in ("median", "quantile95"))
    lines = [
        ("method", found["method"]),
        (f"error of KL on {found['checked']} records, median", f"{middle:.2g}"),
        ("95 % of records are off by less than", f"{most:.2g}"),
    ]
    if found["extremes"] is not None:
        possible = found["extremes"]["possible"]
        lines += [
            ("extreme records computed exactly", str(len(found["extremes"]["exact"]))),
            (
                "others that may exceed the most",
                f"{possible}: raise --landmarks" if possible else "none",
            ),
        ]
    return lines


def _path(path: dict[str, Any]) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="By noise variance", title_justify="left", box=SIMPLE)
    names = ("noise", "degrees of freedom", "accuracy without itself", "KL median", "KL most")
    for name in names:
        table.add_column(name, justify="right")
    for row in range(len(path["noise"])):
        table.add_row(
            f"{path['noise'][row]:g}",
            f"{path['effective_degrees_of_freedom'][row]:.1f}",
            f"{100 * path['leave_one_out_accuracy'][row]:.1f} %",
            f"{path['kl_median'][row]:.3g}",
            f"{path['kl_most'][row]:.3g}",
        )
    return table


def _percent(estimate: dict[str, Any]) -> str:
    low, high = (100 * bound for bound in estimate["ci95"])
    return f"{100 * estimate['value']:.1f} % [{low:.1f}, {high:.1f}]"


def _number(estimate: dict[str, Any]) -> str:
    low, high = estimate["ci95"]
    return f"{estimate['value']:.3g} [{low:.3g}, {high:.3g}]"


@TERMINAL.register("leave_one_out_search")
def show_search(findings: dict[str, Any]) -> None:
    """Print how many searches reached the bound, and how many records they named."""
    from imprint.core.terminal import safe_console

    console = safe_console(highlight=False)
    reached = findings["certificate"]
    console.print(f"bound reached to {findings['enough']:g}  {_percent(findings['success'])}")
    console.print(f"record named                {_percent(findings['identified'])}")
    console.print(
        f"certificate                 median {reached['median']['value']:.5f}, "
        f"least {reached['least']:.5f}, most {reached['most']:.7f}"
    )


@TERMINAL.register("leave_one_out_landscape")
def show_landscape(findings: dict[str, Any]) -> None:
    """Print in which share of the lines each measure is greatest at the record."""
    from imprint.core.terminal import safe_console

    console = safe_console(highlight=False)
    for name, share in findings["peak_at_record"].items():
        console.print(f"{name:14} greatest at the record on {100 * share:.1f} % of the lines")


def show_asked(told: dict[str, Any]) -> None:
    """Print what leaving out groups, adding records and asking about records show most."""
    from rich.box import SIMPLE
    from rich.table import Table

    from imprint.core.terminal import safe_console

    console = safe_console(highlight=False)
    names = {
        "group": ("groups", "group"),
        "record added": ("additions", "index"),
    }
    for title, (key, name) in names.items():
        if key not in told:
            continue
        table = Table(box=SIMPLE, padding=0, show_edge=False)
        for column in (title, "KL(out || in)", "AUC", "memorization"):
            table.add_column(column, justify="right")
        for row in told[key]["first"]:
            value = (f"{row['kl_out_in']:.3g}", f"{row['auc']:.3f}", f"{row['memorization']:.3f}")
            table.add_row(str(row[name]), *value)
        console.print(table)
        console.print()
    if "among_records" in told:
        for row in told["among_records"]["most"][:5]:
            console.print(
                f"without record {row['removed']}, KL(out || in) at record {row['asked']} is "
                f"{row['kl_out_in']:.3g} nats"
            )
