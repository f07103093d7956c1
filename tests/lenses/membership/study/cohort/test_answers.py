import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.membership.study.cohort.answers import CohortAnswers, CohortTables
from imprint.lenses.membership.study.model_signals import ModelSignals
from imprint.lenses.membership.study.records import RecordPool
from imprint.study.store import Study
from imprint.study.tables import write_table

MASKS = np.array([[True, False, True], [False, True, True]])
POOL = RecordPool(index=np.array([4, 5, 6]), population=np.array([1]))


def signals(phi, correct):
    values = np.array([phi])
    target = {"phi": values[:, :3], "mentr": values[:, :3]}
    return ModelSignals(target, {}, np.array(correct[:3]), np.array(correct[3:]))


def test_accuracy_is_of_members_others_and_population():
    models = [
        signals([1.0, 2.0, 3.0], [True, False, True, True]),
        signals([4.0, 5.0, 6.0], [True, True, False, False]),
    ]
    answers = CohortAnswers(models, None, MASKS, POOL, np.zeros(7, dtype=np.int64))
    accuracy = answers.accuracy()
    assert (accuracy.members, accuracy.non_members, accuracy.population) == (0.75, 0.5, 0.5)
    assert answers.cohort().signals["phi"].shape == (2, 1, 3)
    assert list(answers.others()) == ["mentr"]
    apart = [ModelSignals({"phi": m.target["phi"]}, {}, m.correct, m.correct[:0]) for m in models]
    alone = CohortAnswers(apart, None, MASKS, POOL, np.zeros(7, dtype=np.int64))
    assert isinstance(alone.accuracy().population, Missing)


def test_tables_are_read_by_model_and_listed_within_their_folder(tmp_path):
    for name, start in (("0000", 0.0), ("0001", 10.0), ("untrained", 20.0)):
        columns = {
            "index": np.arange(4),
            "margin.identity": start + np.arange(4.0),
            "correct.identity": np.array([True, False, True, False]),
        }
        folder = tmp_path / "points" / "a" / "tables"
        folder.mkdir(parents=True, exist_ok=True)
        write_table(folder / f"{name}.parquet", columns)
    names = {name: (f"tables/{name}.parquet",) for name in ("0000", "0001", "untrained")}
    tables = CohortTables(POOL, MASKS, np.zeros(7), names, Study(tmp_path), "points/a")
    assert tables.artefacts[0] == "points/a/tables/0000.parquet"
    assert tables.artefacts[-1] == "points/a/masks"
    answers = tables.read()
    assert answers.models[1].target["phi"].tolist() == [[10.0, 11.0, 12.0]]
    assert answers.untrained.target["phi"][0, 0] == 20.0
    assert answers.population_correct().tolist() == [[False], [False]]
