import numpy as np
import pytest
import torch

from imprint import leave_one_out
from imprint.core.errors import ImprintError
from tests.lenses.leave_one_out.study.own_models import network, own_model


def arrays(model):
    """Return members and tests of a model as pairs of arrays."""
    sets = (model.members, model.non_members)
    return [(each.inputs.read(np.arange(len(each))), each.targets) for each in sets]


def test_influence_is_the_product_of_gradients_of_the_users_network() -> None:
    module = network()
    members, tests = arrays(own_model(model=module))
    result = leave_one_out.influence(module, members, tests, estimators="gradient_dot")
    table = result.on_tests["gradient_dot"]
    assert table.shape == (24, 12)

    def gradient(x, y):
        outputs = module(torch.from_numpy(x[None]))
        loss = torch.nn.functional.cross_entropy(outputs, torch.tensor([y]))
        slopes = torch.autograd.grad(loss, list(module.parameters()))
        return torch.cat([each.flatten() for each in slopes])

    for row, query in ((0, 0), (5, 7), (23, 11)):
        own = gradient(members[0][row], members[1][row])
        other = gradient(tests[0][query], tests[1][query])
        assert table[row, query] == pytest.approx(float(own @ other), rel=1e-4, abs=1e-6)
        itself = result.on_itself["gradient_dot"][row]
        assert itself == pytest.approx(float(own @ own), rel=1e-4)
    assert "gradient dot" in str(result)
    assert [each.index for each in result.findings.estimators["gradient_dot"].tests] == list(
        range(12)
    )


def test_checkpoints_may_be_state_dictionaries() -> None:
    module, early = network(), network(seed=3)
    members, tests = arrays(own_model(model=module))
    result = leave_one_out.influence(
        module,
        members,
        tests,
        estimators="tracin",
        checkpoints=[early.state_dict()],
        rates=[0.5],
    )
    once = leave_one_out.influence(early, members, tests, estimators="gradient_dot")
    wanted = 0.5 * once.on_tests["gradient_dot"] / 24
    np.testing.assert_allclose(result.on_tests["tracin"], wanted, rtol=1e-4, atol=1e-8)


def test_what_cannot_be_estimated_is_one_sentence() -> None:
    members, tests = arrays(own_model())
    with pytest.raises(ImprintError, match="gradients of a PyTorch network"):
        leave_one_out.influence(lambda x: x[:, :3], members, tests)
    with pytest.raises(ImprintError, match="needs checkpoints"):
        leave_one_out.influence(network(), members, tests, estimators="tracin")
    with pytest.raises(ImprintError, match="either x and y"):
        leave_one_out.fit(*members, model=network(), members=members)
    with pytest.raises(ImprintError, match="x and y, or a model"):
        leave_one_out.fit()


def test_a_fit_of_a_model_takes_its_features() -> None:
    module = network()
    members, _ = arrays(own_model(model=module))
    result = leave_one_out.fit(model=module, members=members, noise=0.2)
    features = module[:2](torch.from_numpy(members[0])).detach().numpy().astype(np.float64)
    features = features[:, np.ptp(features, axis=0) > 0]
    scaled = (features - features.mean(0)) / features.std(0)
    again = leave_one_out.fit(scaled, members[1], kernel="rbf", noise=0.2)
    distinct = np.arange(2, 24)
    np.testing.assert_allclose(result.divergences[distinct], again.divergences[distinct], rtol=1e-6)
