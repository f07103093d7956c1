import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.study.model_signals import (
    ModelSignals,
    make_evidence,
    read_signals,
    unmeasured_kinds,
)
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.study.store import Study
from imprint.study.tables import write_table

CHOICE = EvidenceChoice(curvature_probes=1, augmentations=("identity", "flip"))


def test_kinds_that_were_not_chosen_are_unmeasured():
    assert unmeasured_kinds(CHOICE) == {
        "distance", "trajectory", "trace", "input_gradient", "parameter_gradient",
    }  # fmt: skip
    assert unmeasured_kinds(EvidenceChoice(curvature=False, white_box=True)) == {
        "distance",
        "trajectory",
        "log_curvature",
    }


def test_shadow_models_become_references_on_kinds_that_the_target_has():
    random = np.random.default_rng(0)

    def signals():
        values = {kind: random.normal(size=(1, 5)) for kind in ("phi", "mentr")}
        return ModelSignals(values, {"phi": random.normal(size=(1, 3))}, np.ones(5, bool), None)

    target, shadows = signals(), [signals(), signals()]
    masks = random.random((2, 5)) < 0.5
    cohort = make_evidence(target, shadows, masks).references.cohort
    assert set(cohort.signals) == {"phi"}
    assert cohort.population["phi"].shape == (2, 1, 3)
    assert make_evidence(target, [], None).references is None


@pytest.mark.parametrize(
    ("rows", "correct", "message"),
    [
        (0, True, r"0000\.parquet has 0 rows for 3 records: delete it and run again"),
        (3, np.nan, r"0000\.parquet: column correct\.identity holds other values than true"),
    ],
)
def test_edited_tables_are_refused_in_one_sentence(tmp_path, rows, correct, message):
    columns = {"margin.identity": np.zeros(rows), "correct.identity": np.full(rows, correct)}
    write_table(tmp_path / "0000.parquet", {"index": np.arange(rows), **columns})
    records = RecordPool(index=np.arange(2), population=np.array([2]))
    with pytest.raises(ImprintError, match=message):
        read_signals(Study(tmp_path), ["0000.parquet"], records)


def test_tables_are_cut_into_attacked_records_and_population(tmp_path):
    columns = {"margin.identity": np.arange(3.0), "correct.identity": np.array([True, False, True])}
    write_table(tmp_path / "0000.parquet", {"index": np.arange(3), **columns})
    signals = read_signals(
        Study(tmp_path), ["0000.parquet"], RecordPool(index=np.arange(2), population=np.array([2]))
    )
    assert signals.target["phi"].tolist() == [[0.0, 1.0]]
    assert signals.population["phi"].tolist() == [[2.0]]
    assert (signals.correct.tolist(), signals.population_correct.tolist()) == (
        [True, False],
        [True],
    )
