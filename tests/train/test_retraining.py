import contextlib

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.launch.launcher import using
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.study.store import Study
from imprint.train.cohort.network_stack import TrainingSet
from imprint.train.retrain_options import RetrainOptions
from imprint.train.retraining import Retraining, retrain
from tests.launch.inline import InlineLauncher, Killed

RECORDS = 6


def plan(**changes) -> Retraining:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(RECORDS + 2, 3, generator=random)
    labels = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
    values = {
        "data": TrainingSet(inputs, labels, 2),
        "records": RECORDS,
        "left_out": np.array([4, 1]),
        "pairs": 4,
        "subsets": 2,
        "subset_networks": 1,
        "prior": FullyConnected(depth=1),
        "options": RetrainOptions(width=8, epochs=3, batch_size=3),
        "seed": 0,
    }
    return Retraining(**values | changes)


def test_each_record_left_out_has_its_own_logits_and_a_resumed_study_keeps_them(tmp_path) -> None:
    logits = retrain(Study(tmp_path), plan())
    assert logits.within.shape == (4, RECORDS + 2, 2)
    assert list(logits.without) == [4, 1]
    assert logits.subsets is not None
    assert logits.subsets.shape == (2, 1, RECORDS + 2, 2)
    assert not np.array_equal(logits.without[4], logits.without[1])
    (tmp_path / "logits" / "without" / "1.npy").unlink()
    again = retrain(Study(tmp_path), plan())
    assert np.array_equal(again.without[1], logits.without[1])


def test_points_around_a_record_come_apart_from_the_rest(tmp_path) -> None:
    around = torch.zeros(2, 5, 3)
    logits = retrain(Study(tmp_path), plan(around=around, subsets=0))
    assert logits.within.shape == (4, RECORDS + 2, 2)
    assert logits.around_within is not None
    assert logits.around_without is not None
    assert logits.around_within.shape == logits.around_without.shape == (2, 4, 5, 2)


def test_another_plan_is_refused_with_what_differs(tmp_path) -> None:
    retrain(Study(tmp_path), plan(subsets=0))
    other = RetrainOptions(width=8, epochs=4, batch_size=3)
    with pytest.raises(ImprintError, match=r"train\.epochs: 3 there, 4 now"):
        retrain(Study(tmp_path), plan(subsets=0, options=other))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"records": 1}, "1 records to train on: give 2 to 8"),
        ({"left_out": np.array([6])}, "different rows from 0 to 5, not 6"),
        ({"left_out": np.array([1, 1])}, "different rows from 0 to 5"),
        ({"pairs": 3}, "3 pairs of networks are too few"),
    ],
)
def test_impossible_plans_are_rejected(changes, message) -> None:
    with pytest.raises(ImprintError, match=message):
        plan(**changes)


def test_networks_retrained_by_tasks_have_the_same_bytes(tmp_path) -> None:
    def logits_in(name, *launchers):
        for launcher in launchers or [InlineLauncher()]:
            with using(launcher), contextlib.suppress(Killed):
                retrain(Study(tmp_path / name), plan())
        folder = tmp_path / name / "logits"
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}

    killed, again = InlineLauncher(survives=2, is_remote=True), InlineLauncher(is_remote=True)
    assert logits_in("tasks", killed, again) == logits_in("here")
    assert killed.keys == ["logits/in.npy", "logits/without/4.npy"]
    assert again.keys == []  # one that is missing is done here
