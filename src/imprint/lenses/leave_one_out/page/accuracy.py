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
        [Column("Largest error of"), Column("About", scientific), Column("At most", scientific)],
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
        f"Solved to a relative residual of {scientific(accuracy.residual)} by conjugate gradients "
        f"on the method {accuracy.method.replace('_', ' ')}, in at most "
        f"{plural(accuracy.passes, 'pass', 'passes')} over the kernel matrix"
    )
    if accuracy.residual > accuracy.tolerance:
        reached += f", short of the {scientific(accuracy.tolerance)} asked for"
    if most is None:
        off = "; this residual leaves no bound on the divergence"
    elif about is None:
        off = f"; the divergence is off by at most {scientific(most)} nats"
    else:
        off = f"; a divergence is off by about {scientific(about)} nats, at most {scientific(most)}"
    median, high = accuracy.diagonal_error
    diagonal = (
        f" The diagonal of the inverse, which scales every value, has a relative error of "
        f"{scientific(median)} (median) and below {scientific(high)} for 95% of records."
    )
    return f"{reached}{off}.{diagonal}"


def _bound(accuracy: SolveAccuracy, key: str) -> Value | Cell:
    return accuracy.error_at_most.get(key)
