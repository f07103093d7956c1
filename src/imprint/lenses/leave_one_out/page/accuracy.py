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
    reached = (
        f"Solved to a relative residual of {short(accuracy.residual)} by conjugate gradients "
        f"on the method {accuracy.method.replace('_', ' ')}, in at most "
        f"{plural(accuracy.passes, 'pass', 'passes')} over the kernel matrix"
    )
    if accuracy.residual > accuracy.tolerance:
        reached += f", short of the {short(accuracy.tolerance)} asked for"
    if most is None:
        off = "; this residual leaves no bound on the divergence"
    elif about is None:
        off = f"; the divergence is off by at most {short(most)} nats"
    else:
        off = f"; a divergence is off by about {short(about)} nats, at most {short(most)}"
    median, high = accuracy.diagonal_error
    diagonal = (
        f" The diagonal of the inverse, which scales every value, has a relative error of "
        f"{short(median)} (median) and below {short(high)} for 95% of records."
    )
    return f"{reached}{off}.{diagonal}"


def short(value: float) -> str:
    """Return an error with two digits.

    >>> short(0.444204), short(3.27e-7)
    ('0.44', '3.3 × 10⁻⁷')
    """
    return scientific(float(f"{value:.1e}"))


def _bound(accuracy: SolveAccuracy, key: str) -> Value | Cell:
    return accuracy.error_at_most.get(key)
