import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.additions import candidates, second_copies
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import problem


def test_adding_is_removing_backwards():
    """Each record is added to the fit of the other eight, and removed from the fit of all."""
    setting = problem(0)
    whole = setting.fit()
    removed, queried = (
        self_influence(whole),
        query_influence(whole, setting.cross, setting.variances),
    )
    for s in range(9):
        rest = setting.everyone_but(s)
        without = fit(setting.kernel[rest][:, rest], setting.targets[rest], setting.noise)
        added = candidates(
            without,
            setting.kernel[[s]][:, rest],
            setting.kernel.diagonal()[[s]],
            setting.targets[[s]],
        )
        own = added.self_influence()
        for name in ("kl_out_in", "kl_in_out", "memorization", "mean_distance", "auc", "leverage"):
            torch.testing.assert_close(
                getattr(own, name), getattr(removed, name)[[s]], rtol=1e-9, atol=1e-14
            )
        shown = added.at_queries(setting.cross[:, [s]], setting.cross[:, rest], setting.variances)
        torch.testing.assert_close(
            shown.kl_out_in()[0], queried.directions.kl_out_in()[s], rtol=1e-9, atol=1e-13
        )
        shift = added.shift_at_queries(setting.cross[:, [s]], setting.cross[:, rest])
        torch.testing.assert_close(shift[0, :, 1], queried.shift[s, :, 1], rtol=1e-9, atol=1e-13)


def test_candidates_do_not_see_one_another():
    setting = problem(1, queries=5)
    posterior = setting.fit()
    targets = setting.targets[:3]
    inner = setting.covariance[3:, :3]
    queried = setting.cross[3:], setting.variances[3:]
    many = candidates(posterior, setting.cross[:3], setting.variances[:3], targets)
    together = many.at_queries(inner, *queried).kl_in_out()
    assert together.shape == (3, 2)
    for row in range(3):
        part = slice(row, row + 1)
        one = candidates(posterior, setting.cross[part], setting.variances[part], targets[part])
        torch.testing.assert_close(
            one.at_queries(inner[:, part], *queried).kl_in_out()[0], together[row]
        )


def test_a_second_copy():
    setting = problem(2)
    copied = candidates(setting.fit(), setting.kernel, setting.kernel.diagonal(), setting.targets)
    expected, found = copied.self_influence().directions, second_copies(setting.fit())
    torch.testing.assert_close(found.spread, expected.spread, rtol=1e-9, atol=0)
    torch.testing.assert_close(found.surprise, expected.surprise, rtol=1e-9, atol=0)
    assert (found.kl_out_in() < self_influence(setting.fit()).kl_out_in).all()


def test_a_candidate_at_itself_as_a_query():
    setting = problem(3)
    added = candidates(setting.fit(), setting.cross, setting.variances, setting.targets[:4])
    shown = added.at_queries(setting.covariance, setting.cross, setting.variances)
    own = added.self_influence().directions
    torch.testing.assert_close(shown.spread.squeeze(-1).diagonal(), own.spread[:, 0])


def test_shapes_that_do_not_fit():
    setting = problem(4)
    with pytest.raises(ImprintError, match="do not fit 9 records of 3 outputs"):
        candidates(setting.fit(), setting.cross, setting.variances, setting.targets[:4, :2])


def test_a_candidate_beyond_float64_is_named():
    setting = problem(3)
    cross = setting.kernel[:2].clone()
    cross[1, 4] = float("inf")
    with pytest.raises(ImprintError, match="candidate 1 is too large for float64"):
        candidates(setting.fit(), cross, setting.kernel.diagonal()[:2], setting.targets[:2])
