"""How exact answers are that were solved for, rather than read off a whole inverse."""

from __future__ import annotations

from imprint.lenses.leave_one_out.solve_accuracy import SolveAccuracy
from imprint.report.blocks import Block, Details, Paragraph
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import plural, scientific

NAMES = {
    "kl_out_in": "KL(out ‖ in), nats",
    "kl_in_out": "KL(in ‖ out), nats",
    "auc": "AUC",
    "mean_distance": "mean distance",
    "variance_out": "variance without the record",
    "shift": "shift and influence",
}
ROUNDING = 1e-15
"""Nats: a bound below them is one of rounding."""


def accuracy_blocks(accuracy: SolveAccuracy | None, anchor: str = "") -> list[Block]:
    """Return a sentence and a table of errors; nothing for a dense fit."""
    if accuracy is None:
        return []
    note = Paragraph(accuracy_sentence(accuracy), anchor=anchor)
    if not accuracy.error_about:
        return [note]
    table = Table(
        [Column("Largest error of"), Column("About", short), Column("At most", short)],
        [
            [name, accuracy.error_about.get(key), _bound(accuracy, key)]
            for key, name in NAMES.items()
        ],
    )
    summary = "How exact each measure is"
    remark = Paragraph(
        "Over all records and queries. The bound holds for any direction of the residual and is "
        "wide for a single record; the estimate applies the approximate inverse to the residual."
    )
    return [note, Details(summary, [table, remark])]


def accuracy_sentence(accuracy: SolveAccuracy) -> str:
    """Return what was reached and what it means, in words."""
    about, most = (
        errors.get("kl_out_in") for errors in (accuracy.error_about, accuracy.error_at_most)
    )
    if most is None:
        off = "This residual leaves no bound on the divergence"
    elif most < ROUNDING:
        off = "A divergence is off by rounding alone"
    elif about is None:
        off = f"A divergence is off by at most {short(most)} nats"
    else:
        off = f"A divergence is off by about {short(about)} nats, at most {short(most)}"
    reached = (
        f"solved by conjugate gradients on the method {accuracy.method.replace('_', ' ')} to a "
        f"relative residual of {short(accuracy.residual)}, in at most "
        f"{plural(accuracy.passes, 'pass', 'passes')} over the kernel matrix"
    )
    if accuracy.residual > accuracy.tolerance:
        reached += f", short of the {short(accuracy.tolerance)} asked for"
    median, high = accuracy.diagonal_error
    return (
        f"{off}: {reached}. On top comes the relative error of the inverse's diagonal, which "
        f"scales every value: {short(median)} (median), below {short(high)} for 95% of records."
    )


def short(value: float) -> str:
    """Return an error with two digits.

    >>> short(0.444204), short(3.27e-7)
    ('0.44', '3.3 × 10⁻⁷')
    """
    return scientific(float(f"{value:.1e}"))


def _bound(accuracy: SolveAccuracy, key: str) -> Value | Cell:
    return accuracy.error_at_most.get(key)
