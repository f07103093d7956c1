"""The plots of the leave-one-out section: what each shows, and the sentence under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.leave_one_out.page import plots as plots
from imprint.lenses.leave_one_out.posterior.records import label_stands_out
from imprint.report.section import Figure
from imprint.report.wording import count
from imprint.study.tables import Table


def leave_one_out_figures(records: Table, path: Mapping[str, Any] | None) -> list[Figure]:
    """Return the plots of the section.

    Args:
        records: the table of records.
        path: columns of the noise path, where there is one.
    """
    divergences = records["kl_out_in"]
    order = np.argsort(-divergences, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, plots.MOST_POINTS).astype(int))]
    thinned = (
        ""
        if len(shown) == len(order)
        else (
            f" Drawn are {count(len(shown))} of {count(len(order))} records, evenly by divergence."
        )
    )
    figures = [
        Figure(
            "How far each record moves the prediction for itself",
            Markup(plots.divergence_histogram(divergences)),
            "Divergence of the models without and with the record, at the record itself, where no "
            "query can tell more. Zero would mean that nobody can tell whether it was there.",
        ),
        Figure(
            "Why a record stands out",
            Markup(
                plots.leverage_and_residual(
                    records["leverage"][shown],
                    records["residual_norm"][shown],
                    label_stands_out(records["kl_out_in"], records["kl_variance"])[shown],
                )
            ),
            "To the right, records far from the rest, whose prediction hangs on their own label. "
            "Upwards, records whose label the rest does not expect. The colour says by which of "
            f"the two it stands out more, each against its median.{thinned}",
        ),
    ]
    return figures + ([] if path is None else _path(path))


def _path(path: Mapping[str, Any]) -> list[Figure]:
    noise = np.array(path["noise"], dtype=np.float64)
    _, rows = np.unique(noise, return_index=True)
    if len(rows) < 2:
        return []
    names = ("noise", "kl_low", "kl_median", "kl_high", "kl_most")
    columns = (np.array(path[name], dtype=np.float64)[rows] for name in names)
    return [
        Figure(
            "With more noise, single records count less",
            Markup(plots.divergence_path(*columns)),
            "The median of the records, the band from 5% to 95% of them, and the largest, at every "
            "noise variance asked for. The numbers above are at the first of them.",
        )
    ]
