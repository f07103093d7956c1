"""Models that are trained again: by clone, by the user's function, from fresh weights."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.data.records.records import Records
from imprint.nets.predictor.estimator import EstimatorPredictor
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.observation.as_trainer import as_trainer
from imprint.observation.trainers.trainer import TrainerOptions

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]


def records() -> Records:
    return as_records((X, Y), name="members")


def test_clone_has_the_models_classes_and_a_seed_of_its_own() -> None:
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=1)).fit(X, Y)
    trainer = as_trainer(as_predictor(forest), records())
    assert trainer is not None
    one, same, other = (trainer.train(records(), seed) for seed in (1, 1, 2))
    assert isinstance(one, EstimatorPredictor)
    assert one.estimator[0] is not forest[0]
    assert np.array_equal(one.predict(X, None), same.predict(X, None))
    assert not np.array_equal(one.predict(X, None), other.predict(X, None))
    assert (one.predict(X, None).argmax(1) == (Y == "yes")).mean() > 0.9
    assert trainer.seconds(60) > 0


def test_clone_that_misses_a_class_keeps_its_columns() -> None:
    model = RandomForestClassifier(5, random_state=1).fit(X, np.arange(60) % 3)
    three = as_records((X, np.arange(60) % 3))
    trainer = as_trainer(as_predictor(model), three)
    assert trainer is not None
    shadow = trainer.train(three.take(np.flatnonzero(np.arange(60) % 3 != 1)), 0)
    outputs = shadow.predict(X, None)
    assert outputs.shape == (60, 3)
    assert (outputs[:, 1] == 0).all()


def test_function_of_the_user_is_given_arrays_and_a_seed() -> None:
    seeds = []

    def train(inputs: np.ndarray, targets: np.ndarray, seed: int) -> object:
        seeds.append(seed)
        model = LogisticRegression().fit(inputs, targets)
        return model.predict_proba

    predictor = as_predictor(
        LogisticRegression().fit(X, Y).predict_proba, ModelSettings(kind="probabilities")
    )
    trainer = as_trainer(predictor, records(), train)
    assert trainer is not None
    shadow = trainer.train(records(), 5)
    assert (shadow.kind, shadow.predict(X, None).shape) == ("probabilities", (60, 2))
    trainer.train(records(), 6)
    assert len(set(seeds)) == 2
    assert max(seeds) < 2**31


def test_functions_that_fail_are_one_sentence() -> None:
    predictor = as_predictor(LogisticRegression().fit(X, Y))

    def fail(*_: object) -> None:
        raise RuntimeError("out of paper\nand ink")

    for function, said in (
        (fail, "RuntimeError: out of paper$"),
        (lambda *_: None, "returned None"),
    ):
        trainer = as_trainer(predictor, records(), function)
        assert trainer is not None
        with pytest.raises(ImprintError, match=said):
            trainer.train(records(), 0)
    with pytest.raises(ImprintError, match="must be a function"):
        as_trainer(predictor, records(), 3)  # type: ignore[arg-type]


def test_black_box_without_a_function_has_no_trainer() -> None:
    assert as_trainer(as_predictor(lambda inputs: inputs), records()) is None


@pytest.mark.parametrize(
    "options", [{"epochs": 0}, {"learning_rate": 0.0}, {"optimiser": "lion"}, {"steps": 0}]
)
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ImprintError):
        TrainerOptions(**options)  # type: ignore[arg-type]


def test_global_generator_of_torch_stays() -> None:
    network = torch.nn.Linear(3, 2)
    trainer = as_trainer(as_predictor(network), records(), options=TrainerOptions(1, 1))
    assert trainer is not None
    before = torch.get_rng_state()
    trainer.train(records(), 0)
    assert torch.equal(before, torch.get_rng_state())
