import os
from dataclasses import replace

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.train.cohort import job
from imprint.train.cohort.masks import Masks
from tests.train.cohort.small_cohort import (
    CNN,
    MASKS,
    MLP,
    all_weights,
    furthest,
    train,
)


def test_a_model_does_not_depend_on_its_company(images, tmp_path):
    whole = train(tmp_path / "whole", images, MLP)
    two = train(tmp_path / "two", images, MLP, Masks(MASKS.members[:2]))
    assert furthest(all_weights(whole)[:2], all_weights(two)) == 0
    other = train(tmp_path / "other", images, MLP, seed=4)
    assert furthest(all_weights(whole), all_weights(other)) > 1e-2


@pytest.mark.parametrize("engine", ["sequential", "stacked"])
def test_a_killed_cohort_goes_on_with_the_models_it_lacks(images, tmp_path, monkeypatch, engine):
    options = replace(CNN, engine=engine, stack=1)
    whole = train(tmp_path / "whole", images, options)
    saved = job.Job.save

    def killed(job, plan, trained):
        saved(job, plan, trained)
        if len(os.listdir(tmp_path / "killed" / "models")) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(job.Job, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", images, options)
    monkeypatch.setattr(job.Job, "save", saved)
    resumed = train(tmp_path / "killed", images, options)
    assert resumed.trained == 1
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()
    again = train(tmp_path / "killed", images, options)
    assert (again.trained, again.engine) == (0, None)


def test_masks_of_another_set_and_empty_models_are_refused(images, tmp_path):
    with pytest.raises(ImprintError, match="masks are of 10 records, but arrays has 48 images"):
        train(tmp_path, images, MLP, Masks(np.ones((2, 10), dtype=bool)))
    with pytest.raises(ImprintError, match=r"model 1 has 1 member\(s\)"):
        train(tmp_path, images, MLP, Masks(np.arange(48) < np.array([[4], [1]])))
