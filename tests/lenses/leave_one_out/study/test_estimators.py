from dataclasses import replace

import numpy as np
import torch

from imprint.lenses.leave_one_out.study.estimators import (
    estimates_from_gradients,
    train_network,
)
from imprint.lenses.leave_one_out.study.retrain import ground_truth
from imprint.study.store import Study


def test_the_network_of_the_estimators_is_one_of_the_ground_truth(made):
    options, _ = made
    truth = ground_truth(Study(options.out), options)
    trained = train_network(truth, options.damping)
    with torch.no_grad():
        logits = trained.network(trained.inputs).numpy()
    np.testing.assert_allclose(logits, truth.logits.within[0, :20], rtol=1e-4, atol=1e-5)
    first = trained.checkpoints[0].state
    assert not torch.equal(first["0.weight"], trained.network[0].weight)


def test_curvature_that_cannot_be_factored_is_missing_with_a_reason(made):
    options, _ = made
    truth = ground_truth(Study(options.out), options)
    tiny = replace(options, damping=1e-300, estimators=("influence_gauss_newton",))
    found = estimates_from_gradients(truth, tiny)
    assert not found.estimates
    assert "has no factor at a damping of 1e-300" in found.skipped["influence_gauss_newton"]
