import pytest
import torch

from imprint.probe.influence.influence_gauss_newton import curvature_rows
from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.layer_gradients import gradient_dots
from imprint.probe.influence_kit.record_gradients import RecordGradients
from tests.probe.influence.small_problems import RECORDS, made, perceptron


def test_curvature_is_what_autograd_says():
    trained = made(perceptron())
    flat = FlatParameters(trained)
    identity = torch.eye(len(flat.theta)).double()

    def mean_loss(theta):
        return flat.losses(theta, trained.inputs, trained.labels).mean()

    hessian = torch.autograd.functional.hessian(mean_loss, flat.theta)
    torch.testing.assert_close(flat.product("hessian")(identity), hessian, rtol=1e-9, atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(
        lambda theta: flat.logits(theta, trained.inputs), flat.theta
    )
    p = flat.logits(flat.theta, trained.inputs).softmax(1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    gauss = torch.einsum("ncp,ncd,ndq->pq", jacobian, middle, jacobian) / RECORDS
    torch.testing.assert_close(flat.product()(identity), gauss, rtol=1e-9, atol=1e-12)
    rows = curvature_rows(trained, RecordGradients(trained))
    assert float(gradient_dots(rows, rows).trace()) == pytest.approx(
        RECORDS * float(gauss.trace()), rel=1e-10
    )
