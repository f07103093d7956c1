"""The figures of a fit: how large divergences are, why, and how they depend on the noise."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.leave_one_out.findings import NoisePath
from imprint.lenses.leave_one_out.posterior.records import label_stands_out
from imprint.report.figure import Area, Axis, Figure, Histogram, Level, Lines, Series
from imprint.report.wording import count, decimal, significant
from imprint.study.tables import Table

BINS = 24
MAX_DECADES = 8
MAX_POINTS = 1000


def fit_figures(records: Table, path: NoisePath | None, target: str = "label") -> list[Figure]:
    """Return the figures of a section.

    Args:
        records: the table of distinct records.
        path: values at each noise variance, where there are several.
        target: what a target is called.
    """
    figures = [divergence_histogram(records["kl_out_in"]), leverage_and_residual(records, target)]
    if path is not None and len(set(path.noise)) > 1:
        figures.append(divergence_path(path))
    return figures


def divergence_histogram(divergences: FloatArray) -> Histogram:
    """Return how many records have which divergence, on a logarithmic axis.

    Args:
        divergences: KL(out ‖ in), float64 ``[n]``, in nats; zeros are counted in the first bin.
    """
    positive = divergences[divergences > 0]
    if not len(positive):
        positive = np.ones(1)
    low, high = np.log10(positive.min()), np.log10(positive.max())
    edges = 10 ** np.linspace(max(low, high - MAX_DECADES), max(high, low + 0.1), BINS + 1)
    heights, _ = np.histogram(np.clip(divergences, edges[0], edges[-1]), edges)
    middle = float(np.median(divergences))
    return Histogram(
        name="leave-one-out-divergence",
        title="Divergence of the prediction for each record",
        caption="Divergence of the models without and with the record, at the record itself, which "
        "no other query exceeds. At zero the two models cannot be distinguished.",
        description=f"Histogram of the divergences of {len(divergences)} records: median "
        f"{significant(middle)}, most {significant(float(divergences.max()))} nats.",
        x=Axis("KL(out ‖ in) at the record itself (nats)", log=True),
        y=Axis("records", count, whole=True),
        edges=edges,
        up=heights,
        cut=Level(
            middle, "", "ink", "dashed", vertical=True, label=f"median {significant(middle)}"
        ),
    )


def leverage_and_residual(records: Table, target: str = "label") -> Lines:
    """Return residual against leverage, coloured by which of the two sets the record apart."""
    divergences = records["kl_out_in"]
    order = np.argsort(-divergences, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, MAX_POINTS).astype(int))]
    thinned = ""
    if len(shown) < len(order):
        thinned = f" Shown are {count(len(shown))} of {count(len(order))} records, evenly spaced."
    leverage, residual = records["leverage"][shown], records["residual_norm"][shown]
    by_label = label_stands_out(divergences, records["kl_variance"])[shown]
    return Lines(
        name="leave-one-out-scatter",
        title="Why a record stands out",
        caption="To the right, records far from the rest, whose prediction depends on their own "
        f"{target}. Upwards, records with an unexpected {target}. The colour shows which of the "
        f"two is larger, each relative to its median.{thinned}",
        description=f"Scatter plot of {len(shown)} records: leverage from "
        f"{decimal(float(leverage.min()), 2)} to {decimal(float(leverage.max()), 2)}, residual to "
        f"{decimal(float(residual.max()), 2)}; {int(by_label.sum())} stand out by an unexpected "
        f"{target}.",
        x=Axis(f"leverage: how far the fit follows the record's own {target}", low=0),
        y=Axis("residual without the record", low=0),
        series=[
            _points("far from the rest", leverage, residual, ~by_label),
            _points(f"unexpected {target}", leverage, residual, by_label),
        ],
        height=270,
    )


def _points(name: str, x: FloatArray, y: FloatArray, rows: np.ndarray) -> Series:
    is_label = name.startswith("unexpected")
    colour, marker = ("target", "dot") if is_label else ("reference", "triangle")
    return Series(name, x[rows], y[rows], line="none", colour=colour, marker=marker, faint=True)  # type: ignore[arg-type]  # literals


def divergence_path(path: NoisePath) -> Lines:
    """Return the divergence of the records over the noise variance, both logarithmic."""
    noise, rows = np.unique(np.array(path.noise), return_index=True)
    low, middle, high, most = (
        np.array(values, dtype=np.float64)[rows]
        for values in (path.kl_low, path.kl_median, path.kl_high, path.kl_most)
    )
    return Lines(
        name="leave-one-out-path",
        title="Divergence by noise variance",
        caption="The median of the records, the band from 5% to 95% of them, and the largest, at "
        "every noise variance of the path. The numbers above are at the first of them.",
        description=f"Curve: the median divergence goes from {significant(middle[0])} nats at "
        f"noise {significant(noise[0])} to {significant(middle[-1])} at {significant(noise[-1])}.",
        x=Axis("noise variance", log=True),
        y=Axis("KL(out ‖ in) (nats)", log=True),
        series=[
            Series("median", noise, middle, colour="target", marker="dot"),
            Series("largest", noise, most, colour="ink", dash="dashed", thin=True),
        ],
        areas=[Area(noise, low, high)],
        legend="ends",
    )
