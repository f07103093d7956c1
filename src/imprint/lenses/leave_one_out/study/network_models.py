"""Networks that were retrained here, as retrained models with held-out queries."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions
from imprint.lenses.leave_one_out.study.given_models import models_of, read_tables
from imprint.lenses.leave_one_out.study.inputs import RecordArrays
from imprint.lenses.leave_one_out.study.retrain import GroundTruth
from imprint.lenses.leave_one_out.truth.retrained_models import RetrainedModels
from imprint.study.array_file import read_array_file


def models_at_queries(truth: GroundTruth) -> RetrainedModels | None:
    """Return all networks with their logits at the held-out queries; None without queries.

    Networks with and without a record are pairs of one start, those of halves belong to none.
    """
    plan, logits = truth.plan, truth.logits
    records, rows = plan.records, plan.left_out.tolist()
    labels = plan.data.labels.cpu().numpy()[records:]
    if len(labels) < 2:
        return None
    count = plan.pairs
    parts = [logits.within, *(logits.without[row] for row in rows)]
    members = np.ones((count * len(parts), records), dtype=bool)
    pairs = []
    for place, row in enumerate(rows, start=1):
        own = np.arange(place * count, (place + 1) * count)
        members[own, row] = False
        pairs.append(np.stack([np.arange(count), own], axis=1))
    if logits.subsets is not None:
        parts.append(logits.subsets.reshape(-1, *logits.subsets.shape[2:]))
        halves = np.repeat(plan.halves(), plan.subset_networks, axis=0)
        members = np.concatenate([members, halves])
    outputs = np.concatenate([part[:, records:] for part in parts]).astype(np.float64)
    return models_of(outputs, members, labels, np.concatenate(pairs))


def check_influence(options: ComparisonOptions) -> None:
    """Check that tables of the user are about records and queries of a file of arrays.

    Raises:
        ImprintError: they are not.
    """
    if options.influence is None:
        return
    remedy = "give --arrays with queries, or --retrained"
    if options.arrays is None:
        raise ImprintError(f"--influence needs records in an order that it can follow: {remedy}")
    if read_array_file(RecordArrays, options.arrays).queries is None:
        raise ImprintError(f"--influence is about queries, and {options.arrays} has none: {remedy}")
    read_tables(options.influence)


def tables_of_user(truth: GroundTruth, options: ComparisonOptions) -> dict[str, FloatArray]:
    """Return the user's tables for the records that networks were trained on.

    Raises:
        ImprintError: tables of another shape than the file of arrays.
    """
    if options.influence is None or options.arrays is None:
        return {}
    arrays = read_array_file(RecordArrays, options.arrays)
    assert arrays.queries is not None
    shape, records = (len(arrays.x), len(arrays.queries)), truth.plan.records
    tables = read_tables(options.influence)
    for name, table in tables.items():
        if table.shape != shape:
            raise ImprintError(
                f"{options.influence}: influence {name} is {list(table.shape)}, and "
                f"{options.arrays} holds {shape[0]} records and {shape[1]} queries: give "
                f"{list(shape)}"
            )
    return {name: table[truth.index[:records]] for name, table in tables.items()}
