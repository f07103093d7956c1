import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.cohort.attack import attack_models, score_trials, write_cohort
from imprint.lenses.membership.study.model_signals import ModelSignals
from imprint.lenses.membership.study.records import RecordPool
from imprint.study.json_io import read_json
from imprint.study.tables import read_table

MODELS, RECORDS = 6, 60


@pytest.fixture
def answers():
    """Models whose logit margin is 3 larger on records that they were trained on."""
    random = np.random.default_rng(0)
    masks = np.argsort(random.random((MODELS, RECORDS)), axis=0) < MODELS // 2
    phi = random.normal(size=(MODELS, 1, RECORDS)) + 3 * masks[:, None]
    models = [
        ModelSignals({"phi": row, "mentr": row}, {}, row[0] > 1.5, np.zeros(0, dtype=bool))
        for row in phi
    ]
    pool = RecordPool(index=np.arange(RECORDS), population=np.arange(0))
    return CohortAnswers(models, None, masks, pool, np.zeros(RECORDS, dtype=np.int64))


def test_every_model_is_scored_and_what_lacks_something_is_skipped(answers):
    attacks = choose_attacks(["loss", "lira", "attack_p"])
    scored, skipped = score_trials(answers.cohort(), answers.others(), attacks, {})
    assert list(scored) == ["loss", "lira"]
    assert scored["loss"].scores.shape == (MODELS, RECORDS)
    assert scored["loss"].reads == "phi"
    assert list(skipped) == ["attack_p"]


def test_costs_are_those_of_the_signal_and_no_attack_is_an_error(answers):
    _, findings, _ = attack_models(answers, choose_attacks(["loss"]), {}, {"phi": 7}, 0)
    assert findings["loss"].queries == 7
    assert findings["loss"].controls is None
    assert findings["loss"].auc.value > 0.9
    with pytest.raises(ImprintError, match="no attack can be run: attack_p needs population"):
        attack_models(answers, choose_attacks(["attack_p"]), {}, {"phi": 1}, 0)


def test_tables_and_findings_are_of_the_same_scores(answers, tmp_path):
    write_cohort(tmp_path, answers, choose_attacks(["loss", "lira"]), {}, {"phi": 1}, 0)
    findings = read_json(tmp_path / "findings.json")
    assert findings["cohort"]["records"] == RECORDS
    assert findings["cohort"]["accuracy"]["population"] == {"missing": "there is none"}
    assert set(findings["agreement"]["attacks"]) == {"loss", "lira"}
    table = read_table(tmp_path / "loss.parquet")
    assert np.array_equal(table["member"].T, answers.masks)
    records = read_table(tmp_path / "records.parquet")
    assert (records["times_found"] <= records["models_in"]).all()
    curves = read_table(tmp_path / "curves.parquet")
    assert (np.diff(curves["loss"]) >= 0).all()
