import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from tests.lenses.leave_one_out.refits import kl, problem


@given(
    st.integers(0, 10**6),
    st.integers(1, 10),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1e-2, 0.2, 3.0]),
)
@settings(max_examples=40, deadline=None)
def test_against_refits(seed, records, outputs, noise):
    setting = problem(seed, records, 1, outputs, noise)
    found = self_influence(setting.fit())
    everyone = setting.everyone_but()
    for s in range(records):
        out, within = setting.law(setting.everyone_but(s), [s]), setting.law(everyone, [s])
        shift = (within[0] - out[0])[0]
        own = setting.targets.numpy()[s]
        correct = shift[own.argmax()] if outputs > 1 else np.sign(own[0]) * shift[0]
        pairs = [
            (found.variance_out[s], out[1][0, 0]),
            (found.leverage[s], out[1][0, 0] / (out[1][0, 0] + noise)),
            (found.residual_norm[s], np.linalg.norm(own - out[0])),
            (found.mean_distance[s], 0.5 * (shift**2).mean()),
            (found.memorization[s], correct),
            (found.kl_out_in[s], kl(out, within)),
            (found.kl_in_out[s], kl(within, out)),
        ]
        for ours, theirs in pairs:
            assert float(ours) == pytest.approx(theirs, rel=1e-9, abs=1e-13)


def test_one_record_by_hand():
    """K = 3, σ² = 1, y = ½: v = 3, h = ¾, z = 3, a = 1/16."""
    found = self_influence(fit(torch.tensor([[3.0]]).double(), torch.tensor([[0.5]]).double(), 1.0))
    assert float(found.kl_out_in) == pytest.approx(0.5 * (3 - np.log(4) + 3 / 16), rel=1e-15)
    assert float(found.kl_in_out) == pytest.approx(0.5 * (np.log(4) - 0.75 + 0.75 / 16), rel=1e-15)
    assert float(found.memorization) == 0.375


def test_two_classes_count_twice():
    labels = torch.arange(9) % 2
    kernel = problem(7).kernel
    classes = self_influence(fit(kernel, centred_one_hot(labels, 2), 0.1))
    contrast = self_influence(fit(kernel, centred_one_hot(labels, 2, "contrast"), 0.1))
    torch.testing.assert_close(classes.kl_out_in, 2 * contrast.kl_out_in, rtol=1e-13, atol=0)
    torch.testing.assert_close(classes.kl_in_out, 2 * contrast.kl_in_out, rtol=1e-13, atol=0)
    torch.testing.assert_close(classes.mean_distance, contrast.mean_distance, rtol=1e-13, atol=0)
    torch.testing.assert_close(classes.memorization, contrast.memorization, rtol=1e-12, atol=1e-15)
    assert (classes.auc > contrast.auc).all()


def test_order_of_records_does_not_matter():
    setting = problem(8)
    order = torch.tensor([4, 2, 8, 0, 1, 7, 3, 5, 6])
    plain = self_influence(setting.fit())
    turned = self_influence(fit(setting.kernel[order][:, order], setting.targets[order], 0.2))
    for name in ("kl_out_in", "kl_in_out", "memorization", "auc", "leverage"):
        torch.testing.assert_close(getattr(turned, name), getattr(plain, name)[order])


def test_the_direction_of_the_publication_is_the_larger_one():
    found = self_influence(problem(9).fit())
    assert (found.kl_in_out <= found.kl_out_in).all()


def test_tiny_kernels_keep_their_digits():
    """For K = ε K₁ the divergence is ½|y|²v/σ⁴ to first order: no rounding may hide it."""
    setting = problem(10, outputs=2)
    found = self_influence(fit(setting.kernel * 1e-9, setting.targets, 1.0))
    first_order = 0.25 * 1e-9 * setting.kernel.diagonal()
    torch.testing.assert_close(found.kl_out_in, first_order, rtol=1e-7, atol=0)
    torch.testing.assert_close(found.kl_in_out, first_order, rtol=1e-7, atol=0)
