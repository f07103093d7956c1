import torch

from imprint.lenses.leave_one_out.posterior.near_copies_added import leave_out_beside_copies
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence


def kernel(a, b):
    return torch.exp(-(torch.cdist(a, b) ** 2) / 4)


def test_each_number_of_copies_equals_a_fit_with_them():
    torch.manual_seed(0)
    x, targets = torch.randn(15, 4).double(), torch.randn(15, 2).double()
    posterior, row = fit(kernel(x, x), targets, 0.1), 6
    copies = x[row] + 0.2 * torch.randn(4, 4).double()
    copies[1] = x[row]
    added = targets[row].expand(4, 2)
    directions = leave_out_beside_copies(
        posterior, row, kernel(copies, x), kernel(copies, copies), added
    )
    for count in range(5):
        both = torch.cat([x, copies[:count]])
        anew = fit(kernel(both, both), torch.cat([targets, added[:count]]), 0.1)
        own = self_influence(anew).directions
        for measure in ("kl_out_in", "kl_in_out", "auc"):
            torch.testing.assert_close(
                getattr(directions, measure)()[count],
                getattr(own, measure)()[row],
                rtol=1e-8,
                atol=0,
            )
