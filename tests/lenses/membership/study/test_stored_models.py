import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.attack import ATTACKS
from imprint.lenses.membership.cohort.stored_signals import StoredSignals
from imprint.lenses.membership.study import stored_models
from imprint.lenses.membership.study.fit import measure_shadow_fit
from imprint.lenses.membership.study.model_signals import make_evidence, read_signals
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.stored_models import StoredModels, read_models
from imprint.study.store import Study
from imprint.study.tables import write_table

MODELS, RECORDS, POPULATION = 6, 50, 20
POOL = RecordPool(index=np.arange(RECORDS), population=np.arange(RECORDS, RECORDS + POPULATION))


@pytest.fixture
def tables(tmp_path):
    random = np.random.default_rng(0)
    rows = RECORDS + POPULATION
    for model in range(MODELS + 1):
        columns = {
            "margin.identity": random.standard_normal(rows).astype(np.float32),
            "margin.flip": random.standard_normal(rows).astype(np.float32),
            "correct.identity": random.random(rows) < 0.5,
        }
        write_table(tmp_path / f"signals/{model}.parquet", {"index": np.arange(rows), **columns})
        curvature = {"log_curvature.identity": random.standard_normal(rows)}
        write_table(
            tmp_path / f"curvature/{model}.parquet", {"index": np.arange(rows), **curvature}
        )
    names = [(f"signals/{model}.parquet", f"curvature/{model}.parquet") for model in range(7)]
    return Study(tmp_path), names


def test_few_models_are_held_and_many_stay_in_their_tables(tables, monkeypatch) -> None:
    study, names = tables
    assert isinstance(read_models(study, names, POOL), list)
    monkeypatch.setattr(stored_models, "IN_MEMORY_VALUES", 7 * 70 - 1)
    models = read_models(study, names, POOL)
    assert isinstance(models, StoredModels)
    assert len(models) == 7
    assert len(models[1:4]) == 3
    assert models[1:4][0].target["phi"].tolist() == models[1].target["phi"].tolist()


def test_attacks_on_tables_have_the_bytes_of_attacks_in_memory(tables) -> None:
    study, names = tables
    target = read_signals(study, names[0], POOL)
    masks = np.random.default_rng(1).random((MODELS, RECORDS)) < 0.5
    models = [list(StoredModels(study, tuple(names[1:]), POOL))]
    models.append(StoredModels(study, tuple(names[1:]), POOL))
    held, stored = (make_evidence(target, each, masks) for each in models)
    assert isinstance(stored.references.cohort.signals["phi"], StoredSignals)
    for name in ("lira", "multi", "rmia", "attack_r", "stacked", "curvature_lr", "quantile"):
        first, second = (ATTACKS.get(name).score(each) for each in (held, stored))
        assert first.tobytes() == second.tobytes(), name
    assert measure_shadow_fit(models[0], masks) == measure_shadow_fit(models[1], masks)
