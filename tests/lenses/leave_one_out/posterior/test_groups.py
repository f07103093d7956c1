import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.groups import (
    group_influence,
    group_joint_influence,
    group_residuals,
    group_self_influence,
)
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import at, kl, problem


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 8), min_size=1, max_size=5, unique=True),
    st.sampled_from([1, 3]),
)
@settings(max_examples=25, deadline=None)
def test_against_refits(seed, gone, outputs):
    setting = problem(seed, outputs=outputs)
    posterior, group = setting.fit(), torch.tensor(gone)
    rest, everyone = setting.everyone_but(*gone), setting.everyone_but()
    out, within = setting.law(rest), setting.law(everyone)

    single = group_influence(posterior, group, setting.cross, setting.variances)
    np.testing.assert_allclose(single.shift, within[0] - out[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(single.variance_out, np.diag(out[1]), rtol=1e-9)
    np.testing.assert_allclose(single.variance_in, np.diag(within[1]), rtol=1e-9)
    forward = [kl(at(out, q), at(within, q)) for q in range(4)]
    backward = [kl(at(within, q), at(out, q)) for q in range(4)]
    np.testing.assert_allclose(single.directions.kl_out_in(), forward, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(single.directions.kl_in_out(), backward, rtol=1e-9, atol=1e-13)

    joint = group_joint_influence(posterior, group, setting.cross, setting.covariance)
    assert len(joint.spread) == min(4, len(gone))
    assert float(joint.kl_out_in()) == pytest.approx(kl(out, within), rel=1e-9, abs=1e-13)
    assert float(joint.kl_in_out()) == pytest.approx(kl(within, out), rel=1e-9, abs=1e-13)

    out, within = setting.law(rest, gone), setting.law(everyone, gone)
    own = group_self_influence(posterior, group)
    assert float(own.kl_out_in()) == pytest.approx(kl(out, within), rel=1e-9)
    assert float(own.kl_in_out()) == pytest.approx(kl(within, out), rel=1e-9)
    np.testing.assert_allclose(
        group_residuals(posterior, group),
        setting.targets.numpy()[gone] - out[0],
        rtol=1e-9,
        atol=1e-12,
    )


def test_a_group_of_one_is_the_record():
    setting = problem(1)
    posterior = setting.fit()
    alone = self_influence(posterior).directions
    groups = group_self_influence(posterior, torch.arange(9)[:, None])
    torch.testing.assert_close(groups.spread, alone.spread, rtol=1e-12, atol=0)
    torch.testing.assert_close(groups.surprise, alone.surprise, rtol=1e-12, atol=0)
    single = query_influence(posterior, setting.cross, setting.variances)
    group = group_influence(posterior, torch.tensor([4]), setting.cross, setting.variances)
    torch.testing.assert_close(group.directions.kl_out_in(), single.directions.kl_out_in()[4])
    torch.testing.assert_close(group.mean_distance, single.mean_distance[4])


def test_many_groups_at_once():
    posterior = problem(2).fit()
    groups = torch.tensor([[0, 1], [3, 7], [8, 2]])
    together = group_self_influence(posterior, groups).kl_out_in()
    for row, group in enumerate(groups):
        torch.testing.assert_close(
            group_self_influence(posterior, group).kl_out_in(), together[row]
        )


@pytest.mark.parametrize(
    ("rows", "message"), [([1, 1], "twice"), ([9], "0 to 8"), ([-1, 2], "0 to 8"), ([], "0 to 8")]
)
def test_groups_that_are_none(rows, message):
    with pytest.raises(ImprintError, match=message):
        group_self_influence(problem(3).fit(), torch.tensor(rows, dtype=torch.int64))
