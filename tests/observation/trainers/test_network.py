"""Networks that are trained again: fresh weights, the task's loss, the stop."""

import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.data.records.records import Task
from imprint.nets.predictor.predictor import ModelSettings, OutputKind, as_predictor
from imprint.observation.as_trainer import as_trainer
from imprint.observation.trainers.fresh_weights import with_fresh_weights
from imprint.observation.trainers.network import NetworkTrainer, task_loss
from imprint.observation.trainers.trainer import TrainerOptions

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(65, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.full((1, 4), 9.0))
        self.scale = nn.Parameter(torch.full((4,), 9.0))
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.frozen(inputs) * self.scale + self.token)


def trainer_of(module: nn.Module, **options: object) -> NetworkTrainer:
    trainer = as_trainer(
        as_predictor(module),
        as_records((X, Y)),
        options=TrainerOptions(**options),  # type: ignore[arg-type]
    )
    assert isinstance(trainer, NetworkTrainer)
    return trainer


def test_fresh_weights_forget_and_depend_on_the_seed_alone() -> None:
    module = Tokens()
    one, same, other = (with_fresh_weights(module, seed) for seed in (1, 1, 2))
    assert torch.equal(one.token, same.token)
    assert torch.equal(one.head.weight, same.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert float(one.token.detach().abs().max()) < 1
    assert one.scale.tolist() == [1, 1, 1, 1]
    assert torch.equal(one.frozen.weight, module.frozen.weight)
    assert float(module.token.detach().min()) == 9


@pytest.mark.parametrize(
    ("outputs", "targets", "task", "kind", "expected"),
    [
        ([[0.0, 0.0]], [1], "classification", "logits", np.log(2)),
        ([[0.25, 0.75]], [0], "classification", "probabilities", np.log(4)),
        ([[0.0]], [1], "classification", "logits", np.log(2)),
        ([[0.0, 0.0]], [[1, 0]], "multi_label", "logits", np.log(2)),
        ([[0.5, 0.25]], [[1, 1]], "multi_label", "probabilities", np.log(8) / 2),
        ([[3.0], [1.0]], [1.0, 1.0], "regression", "values", 2.0),
    ],
)
def test_task_loss_by_hand(
    outputs: list[list[float]], targets: list[float], task: Task, kind: OutputKind, expected: float
) -> None:
    loss = task_loss(torch.tensor(outputs), torch.tensor(targets), task, kind)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_network_learns_from_fresh_weights(optimiser: str) -> None:
    # 65 records in batches of 64: batch normalisation must not be given one alone.
    module = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    trainer = trainer_of(module, optimiser=optimiser, steps=60, epochs=1, stop_at_model_loss=False,
                         learning_rate=0.01)  # fmt: skip
    shadow = trainer.train(as_records((X, Y)), 0)
    assert (shadow.predict(X, None).argmax(1) == Y).mean() > 0.9
    assert shadow.fingerprint() == trainer.train(as_records((X, Y)), 0).fingerprint()


def test_training_stops_at_the_loss_of_the_model() -> None:
    module = nn.Linear(4, 2)
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    trainer = trainer_of(module, learning_rate=0.01)
    assert trainer.model_loss == pytest.approx(np.log(2), rel=1e-5)
    shadow = trainer.train(as_records((X, Y)), 0)
    loss = task_loss(torch.from_numpy(shadow.predict(X, None)), torch.from_numpy(Y),
                     "classification", "logits")  # fmt: skip
    assert 0.3 < float(loss) < 0.8


def test_regression_network_is_trained_on_values() -> None:
    records = as_records((X, X @ np.array([1.0, 2, 0, 0])))
    predictor = as_predictor(nn.Linear(4, 1), ModelSettings(kind="values"))
    options = TrainerOptions(epochs=1, steps=300, learning_rate=0.05, stop_at_model_loss=False)
    trainer = as_trainer(predictor, records, options=options)
    assert trainer is not None
    outputs = trainer.train(records, 0).predict(X, None)[:, 0]
    assert np.abs(outputs - np.asarray(records.targets)).mean() < 0.1


def test_forecast_grows_with_records() -> None:
    trainer = trainer_of(nn.Linear(4, 2))
    assert trainer.seconds(65) > 0
    assert "from fresh weights, adamw" in trainer.words


def test_diverged_and_untrainable_networks_are_one_sentence() -> None:
    far = as_records((X, X[:, 0] * np.float64(1e30)))
    trainer = as_trainer(as_predictor(nn.Linear(4, 1), ModelSettings(kind="values")), far)
    assert trainer is not None
    with pytest.raises(ImprintError, match="diverged in epoch"):
        trainer.train(far, 0)
    with pytest.raises(ImprintError, match="no trainable parameters"):
        trainer_of(nn.Linear(4, 2).requires_grad_(False)).train(as_records((X, Y)), 0)


class Uncopied(nn.Linear):
    def __deepcopy__(self, memo: object) -> nn.Module:
        raise RuntimeError("holds a lock")


class Detached(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs).detach()


@pytest.mark.parametrize("module", [Uncopied(4, 2), Detached(4, 2)])
def test_a_network_that_cannot_be_trained_again_is_one_sentence(module: nn.Module) -> None:
    trainer = trainer_of(module, stop_at_model_loss=False)
    with pytest.raises(ImprintError, match="cannot be trained again"):
        trainer.seconds(65)
    with pytest.raises(ImprintError, match="cannot be trained again"):
        trainer.train(as_records((X, Y)), 0)
