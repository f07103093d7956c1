"""The section of a comparison: which estimate agrees with retraining, and how far one could."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.leave_one_out.page import comparison_plots as plots
from imprint.report.inputs import (
    as_estimate,
    estimate,
    lookup,
    mapping,
    number,
    read_columns,
)
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.report.wording import decimal, significant
from imprint.stats.estimate import Estimate

CLOSED_FORM = "lood_"
ALONG = {
    "auc": (
        "AUC",
        "How well the attack tells networks with the record from those without by their logits "
        "there, and how well the ideal observer of the Gaussian process does.",
    ),
    "kl_out_in": (
        "KL(out ‖ in) (nats)",
        "Divergence of normal laws fitted to the logits, unbiased, so that it may fall below 0. "
        "The closed form is scaled to the networks' value at the record.",
    ),
    "mean_distance": (
        "Mean distance",
        "Half the mean squared shift of the logits, unbiased. The closed form, in other units, is "
        "scaled to the networks' value at the record.",
    ),
}


@SECTIONS.register("leave_one_out_comparison")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a comparison with retraining, or None when the study has none.

    Raises:
        ImprintError: a finding or table it needs is missing or damaged.
    """
    findings = mapping(summary, "lenses").get("leave_one_out", {})
    if not isinstance(findings, Mapping) or "retraining" not in findings:
        return None
    retraining = mapping(findings, "retraining")
    compared = mapping(findings, "comparison") if "comparison" in findings else {}
    estimators = mapping(compared, "estimators") if compared else {}
    rows = [_row(name, row) for name, row in estimators.items()]
    # Of several noise variances the first was chosen beforehand; the best would be by the truth.
    chosen = next((row for row in rows if row["closed"]), None)
    rows.sort(key=_order)
    ceiling = _ceiling(retraining)
    html = render(
        "leave_one_out_comparison.html.j2",
        verdict=_verdict(chosen),
        records=number(retraining, "records"),
        left_out=number(retraining, "left_out"),
        pairs=number(retraining, "pairs"),
        shift=estimate(retraining, "root_difference"),
        auc=estimate(retraining, "auc"),
        auc_error=number(retraining, "auc_error"),
        accuracy=estimate(retraining, "accuracy", "records"),
        networks=_settings({**lookup(retraining, "networks"), **lookup(retraining, "train")}),
        variances=[float(value) for value in lookup(retraining, "variances")],
        ceiling=ceiling,
        rows=rows,
        training=number(compared, "training", "cpu_seconds") if compared.get("training") else None,
        device=str(compared.get("device", "cpu")),
        skipped=dict(lookup(compared, "skipped")) if compared else {},
        lines=_lines(mapping(findings, "lines")) if "lines" in findings else None,
        figures=_figures(root, rows, chosen, ceiling) if rows else [],
    )
    anchors = (("retraining", "Retraining"),)
    return Section("retraining", "Beside retraining", html, order=32, anchors=anchors)


def _row(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    facts = mapping(found, "facts")
    peak = found.get("peak_bytes")
    return {
        "name": name.replace("_", " "),
        "key": name,
        "closed": name.startswith(CLOSED_FORM),
        "spearman": _coefficient(found, "difference", "spearman"),
        "pearson": _coefficient(found, "difference", "pearson"),
        "auc": _coefficient(found, "auc", "spearman"),
        "datamodeling": as_estimate(found.get("datamodeling")),
        "seconds": number(found, "cpu_seconds"),
        "megabytes": None if peak is None else peak / 1e6,
        "note": str(facts.get("unconverged", facts.get("no_self", ""))),
    }


def _coefficient(found: Mapping[str, Any], kind: str, name: str) -> Estimate | None:
    return as_estimate(mapping(found, kind).get(name))


def _order(row: Mapping[str, Any]) -> float:
    return 2.0 if row["spearman"] is None else -float(row["spearman"].value)


def _ceiling(retraining: Mapping[str, Any]) -> Estimate | None:
    return as_estimate(mapping(retraining, "ceiling", "difference").get("spearman"))


def _verdict(chosen: dict[str, Any] | None) -> tuple[str, str]:
    """Return the kind and the heading of what the correlation of the closed form allows to say."""
    if chosen is None or chosen["spearman"] is None:
        return "nothing", "Records were left out, and networks trained again"
    rank = chosen["spearman"]
    shown = f"{decimal(rank.value, 2)} [{decimal(rank.low, 2)}, {decimal(rank.high, 2)}]"
    if rank.low > 0:
        return "found", f"Closed form and retraining rank records alike: Spearman {shown}"
    if rank.high < 0:
        return "nothing", f"Closed form and retraining rank records in opposite order: {shown}"
    return "nothing", f"Closed form and retraining do not rank records alike beyond noise: {shown}"


def _settings(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), str(value)) for name, value in found.items()]


def _lines(found: Mapping[str, Any]) -> dict[str, Any]:
    steps, figures, missing = lookup(found, "steps"), [], []
    for name, (label, caption) in ALONG.items():
        curves = mapping(found, "curves", name)
        if "missing" in curves:
            missing.append((label, str(curves["missing"])))
            continue
        drawn = plots.networks_along_lines(steps, curves, label, scaled=name != "auc")
        error = significant(number(found, "errors", name))
        told = f"{caption} At a single point the standard error is {error} (median)."
        figures.append(Figure(f"{label.split(' (')[0]} along lines", Markup(drawn), told))
    return {
        "records": number(found, "records"),
        "lines": number(found, "lines"),
        "noise": number(found, "noise"),
        "figures": figures,
        "missing": missing,
    }


def _figures(
    root: Path, rows: list[dict[str, Any]], chosen: dict[str, Any] | None, ceiling: Estimate | None
) -> list[Figure]:
    shown = [(row["name"], row["spearman"], row["closed"]) for row in rows if row["spearman"]]
    figures = []
    if shown:
        figures.append(
            Figure(
                "Which estimate ranks records as retraining does",
                Markup(
                    plots.correlations_by_estimator(
                        shown, None if ceiling is None else ceiling.value
                    )
                ),
                "Rank correlation over the records left out, with its 95% interval; in colour the "
                "closed forms. The line is the noise ceiling, what a perfect estimate could reach.",
            )
        )
    if chosen is not None and chosen["spearman"] is not None:
        table = read_columns(
            root / "comparison" / "records.parquet", "difference", "difference_error", chosen["key"]
        )
        truth = np.sqrt(np.maximum(table["difference"], 0))
        # d√x = dx / 2√x; next to 0 the root is no more certain than √dx.
        error = np.minimum(
            table["difference_error"] / (2 * np.maximum(truth, 1e-12)),
            np.sqrt(table["difference_error"]),
        )
        figures.append(
            Figure(
                "Record by record",
                Markup(plots.estimate_and_truth(table[chosen["key"]], truth, error)),
                f"Each record left out: {chosen['name']} and the measured shift, with its "
                "standard error.",
            )
        )
    return figures
