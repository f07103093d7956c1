"""``leave-one-out compare --retrained``: influence tables beside models that others retrained.

Writes ``influence_quality/``: ``tables.parquet`` with a row per influence table and
``findings.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.influence_quality_findings import (
    GivenModelFindings,
    InfluenceQualityFindings,
)
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions
from imprint.lenses.leave_one_out.study.conclude import FindingStep, conclude
from imprint.lenses.leave_one_out.study.influence_quality import influence_quality, write_quality
from imprint.lenses.leave_one_out.truth.margins import label_margins
from imprint.lenses.leave_one_out.truth.retrained_models import RetrainedModels
from imprint.report.summary import finish
from imprint.study.array_file import array, read_array_file
from imprint.study.counted import uncounted
from imprint.study.finding import to_json, write_finding
from imprint.study.store import Study

LENS = "leave_one_out"
LARGEST_NUMBER = 1e100
"""Of outputs and influences; their squares and sums stay finite."""
SCALE = "scale the whole array down"


@dataclass(frozen=True, kw_only=True, eq=False)
class RetrainedArrays:
    """A file of retrained models."""

    outputs: FloatArray = array(
        "K Q C",
        "logits of each model at each query; C = 1: a value, higher is better",
        largest=LARGEST_NUMBER,
        remedy=SCALE,
    )
    members: BoolArray = array("K N", "records that each model was trained on", kind="flag")
    query_labels: IntArray | None = array(
        "Q", "classes of the queries, needed with C > 1", kind="label", optional=True
    )
    labels: IntArray | None = array(
        "Q", "another name for query_labels", kind="label", optional=True
    )
    pairs: IntArray | None = array(
        "P 2",
        "models with and without one record, of the same start; from 0",
        kind="label",
        optional=True,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class InfluenceArrays:
    """A file of influence tables."""

    influence: FloatArray | None = array(
        "N Q",
        "influence of each record on each query, positive where it raises the output of the right "
        "class or lowers the loss",
        largest=LARGEST_NUMBER,
        optional=True,
        remedy=SCALE,
    )
    named: Mapping[str, FloatArray] = array(
        "N Q",
        "likewise, of several estimators",
        largest=LARGEST_NUMBER,
        optional=True,
        name="influence_*",
        remedy=SCALE,
    )


@dataclass(frozen=True, eq=False)
class CompareInfluence(FindingStep[InfluenceQualityFindings]):
    """Write ``influence_quality/``.

    Attributes:
        outputs: float64 ``[K, Q]``, as the models give them.
        members: bool ``[K, N]``.
        tables: by name, ``[N, Q]``.
        top: most helpful records of a query.
        seed: of groups and halves.
        models: what outputs and members make.
    """

    outputs: FloatArray
    members: BoolArray
    tables: Mapping[str, FloatArray]
    pairs: IntArray | None
    top: int
    seed: int
    models: RetrainedModels = uncounted()

    artefact = "influence_quality"
    kind = InfluenceQualityFindings

    def build(self, path: Path) -> None:
        """Compare, and write the table."""
        findings = influence_quality(self.tables, self.models, self.top, self.seed)
        path.mkdir(parents=True, exist_ok=True)
        write_quality(path / "tables.parquet", findings)
        write_finding(path / self.file, findings)


def compare_given_models(options: ComparisonOptions) -> Mapping[str, Any]:
    """Compare influence tables with given models; return the content of ``summary.json``.

    Raises:
        ImprintError: files that cannot be used or do not fit each other, or a study made with
            other settings.
    """
    assert options.retrained is not None
    if options.influence is None:
        raise ImprintError(
            "--retrained has nothing to compare: give --influence, an .npz file of influence [N, Q]"
        )
    models = read_models(options.retrained)
    tables = read_tables(options.influence)
    check_tables(tables, models, options.influence)
    top = top_records(options.top, models.members.shape[1])
    study = Study(options.out)
    with study.locked():
        step = CompareInfluence(
            models.outputs, models.members, tables, models.pairs, top, options.seed, models
        )
        findings = GivenModelFindings(conclude(study, step))
        data = {"name": options.retrained.stem, "records": models.members.shape[1]}
        return finish(study, options, data, {LENS: to_json(findings)})


def read_models(file: Path) -> RetrainedModels:
    """Return the models of a file.

    Raises:
        ImprintError: a file that cannot be used; the message says why.
    """
    arrays = read_array_file(RetrainedArrays, file)
    if arrays.labels is not None and arrays.query_labels is not None:
        raise ImprintError(f"{file}: labels and query_labels are the same: give one of them")
    labels = arrays.labels if arrays.query_labels is None else arrays.query_labels
    try:
        return models_of(arrays.outputs, arrays.members, labels, arrays.pairs)
    except ImprintError as error:
        raise ImprintError(f"{file}: {error}") from error


def models_of(
    outputs: FloatArray,
    members: BoolArray,
    labels: IntArray | None = None,
    pairs: IntArray | None = None,
) -> RetrainedModels:
    """Return models by the margins of their queries.

    Args:
        outputs: float64 ``[K, Q, C]``, logits; with C = 1 values.
        members: bool ``[K, N]``.
        labels: int64 ``[Q]``, classes of the queries; None with C = 1.
        pairs: int64 ``[P, 2]``.

    Raises:
        ImprintError: classes that do not fit the outputs, or models that cannot be used.
    """
    classes = outputs.shape[2]
    if classes == 1:
        if labels is not None:
            raise ImprintError(
                "outputs of one number are values and have no classes: leave query_labels out, or "
                "give the logits of every class"
            )
        return RetrainedModels(outputs[..., 0], members, None, pairs)
    if labels is None:
        raise ImprintError(
            f"outputs of {classes} classes need query_labels [Q], or give the output of the right "
            "class as [K, Q, 1]"
        )
    if labels.max() >= classes:
        row = int(labels.argmax())
        raise ImprintError(
            f"query_labels[{row}] is {labels[row]}, and outputs are of {classes} classes, counted "
            "from 0"
        )
    correct = outputs.argmax(2) == labels
    return RetrainedModels(label_margins(outputs, labels), members, correct, pairs)


def read_tables(file: Path) -> dict[str, FloatArray]:
    """Return the influence tables of a file by name.

    Raises:
        ImprintError: a file that cannot be used, or without a table.
    """
    arrays = read_array_file(InfluenceArrays, file)
    tables = dict(arrays.named)
    if arrays.influence is not None:
        tables = {file.stem: arrays.influence, **tables}
    if not tables:
        raise ImprintError(f"{file} has no array 'influence' and none 'influence_NAME': give one")
    return tables


def check_tables(tables: Mapping[str, FloatArray], models: RetrainedModels, file: Path) -> None:
    """Check that tables are about the records and queries of the models.

    Raises:
        ImprintError: they are not.
    """
    shape = [models.members.shape[1], models.outputs.shape[1]]
    for name, table in tables.items():
        if list(table.shape) != shape:
            raise ImprintError(
                f"{file}: influence {name} is {list(table.shape)}, and the retrained models are "
                f"about {shape[0]} records and {shape[1]} queries: give {shape}"
            )


def top_records(wanted: int, records: int) -> int:
    """Return how many most helpful records are looked at: as wanted, or a twentieth of all."""
    if not 0 <= wanted < records:
        raise ImprintError(f"--top {wanted} is not from 0 to {records - 1}, of {records} records")
    return wanted or max(1, round(records / 20))
