"""What the columns and arrays of this lens hold, in which unit, and which direction is positive.

One convention throughout: *in* is the model with the record, *out* the one without. Signed numbers
are in less out, so above 0 the record raises an output, or lowers a loss. All other measures are 0
where nothing moves, and larger where the record shows more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.study.tables import write_table

CONVENTION = (
    "Signs: above 0, the record raises the output of the class (or lowers the loss); below 0, it "
    "lowers it. Divergences, distances and AUC have no sign: larger means that the record shows "
    "more."
)

MEANINGS: Mapping[str, str] = {
    "index": "row of the file, or index of the image",
    "label": "position among the classes of the fit",
    "kl_out_in": "nats, at least 0; larger: the prediction reveals the record more",
    "kl_in_out": "nats, at least 0; larger: the prediction reveals the record more",
    "auc": "from 0.5 to 1; larger: the two models are told apart more often",
    "tpr": "from 0 to 1; larger: the record is revealed more often at that FPR",
    "mean_distance": "half the mean squared shift of the outputs, at least 0; larger: moved more",
    "variance_out": "of the prediction without the record, squared units of the targets",
    "residual_norm": "length of target less prediction without the record, at least 0",
    "memorization": "signed, units of the targets; above 0: the record raises the output of its "
    "own class at itself, or draws the prediction closer to its own real value",
    "leverage": "from 0 to 1; larger: the prediction follows the record's own target more",
    "kl_variance": "nats, the part of kl_out_in that is there whatever the label",
    "prediction_out": "class, or real value, predicted without the record",
    "target": "real value of the record",
    "error_out": "root of the mean squared residual of the group without it, units of the targets",
    "leave_one_out_mean": "units of the targets; output predicted without the record",
    "leave_one_out_variance": "squared units of the targets, noise-free, without the record",
    "log_predictive_density": "nats a record; larger: its target is predicted better without it",
    "kl_out_in_independent": "nats, at least 0; images without the record normalise both models",
    "kl_out_in_dependent": "nats, at least 0; each model is normalised by its own images",
    "mean_distance_independent": "at least 0; the images without the record normalise both models",
    "mean_distance_dependent": "at least 0; each model is normalised by its own images",
    "copies": "how many other records have the same bytes",
    "first_copy": "whether the record is the first of its exact copies",
    "influence": "signed, units of the targets; above 0: the record raises the output of the "
    "query's class, or draws the prediction closer to its real value; below 0 the opposite",
    "shift": "signed, units of the targets; output with the record less that without, by output",
    "certificate": "from 0 to 1; share of the bound on what any query reveals",
    "query": "row of the queries",
    "influence_sum": "signed; sum of influence over all queries; above 0: the record raises the "
    "outputs of the right classes on the whole",
    "influence_by_query_class": "signed; the same sum over the queries of each class",
    "record_class": "class of the records",
    "query_class": "class of the queries",
    "influence_per_query": "signed; sum over the records of a class, mean over the queries of a "
    "class; above 0: they raise the right output",
    "pairs": "records times queries",
    "line": "number of the line through the record",
    "direction": "kind of line",
    "step": "distance from the record, root mean square over the numbers of an input",
    "share": "of the way from noise, 0, to the record, 1",
    "augmentation": "kind of change of the record",
    "draw": "number of the random change",
    "exact": "whether copies are exact",
    "added_copies": "copies of the record that both data sets hold",
    "share_of_no_copies": "kl_out_in over that without copies, at least 0",
    "search": "number of the search",
    "nearest": "index of the record at the smallest angle to the query",
    "objective": "what was maximised, over its value at the record",
    "kl_out_in_at_record": "nats, at least 0: the bound on any query",
    "auc_at_record": "from 0.5 to 1: the bound on any query",
    "attempt": "number of the start that led there",
    "steps": "of that start",
    "evaluations": "of the objective in all starts",
    "cosine": "from -1 to 1, of the angle between query and record; larger: more alike",
    "scaled_error": "from 0 to 1, length of query less record after the best positive scaling, "
    "over that of the record; smaller: more alike",
    "error": "likewise without scaling",
    "identified": "whether of all records the removed one is nearest to the query",
    "psnr": "dB; larger: more alike",
    "pixel_correlation": "from -1 to 1; larger: more alike",
    "group": "name of the group",
    "records": "in the group",
    "accuracy_out": "share of the group whose class is predicted without it",
}


def meaning_of(column: str) -> str | None:
    """Return what a column holds; None where no meaning is known.

    >>> meaning_of("auc_alone")
    'from 0.5 to 1; larger: the two models are told apart more often; its copies stay'
    """
    base, _, output = column.rpartition("_")
    if output.isdigit():
        meaning = MEANINGS.get(base)
        return None if meaning is None else f"{meaning}; output {output}"
    alone = column.removesuffix("_alone")
    meaning = MEANINGS.get(alone)
    if meaning is None or alone == column:
        return meaning
    return f"{meaning}; its copies stay"


def write_meant(path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write a table with the meaning of each known column in the file's own schema.

    Args:
        path: where to.
        columns: as of :func:`imprint.study.tables.write_table`.
    """
    meanings = {name: meaning for name in columns if (meaning := meaning_of(name)) is not None}
    write_table(path, {name: np.asarray(column) for name, column in columns.items()}, meanings)
