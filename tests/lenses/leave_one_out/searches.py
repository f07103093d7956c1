"""Small problems for query searches: Gaussian inputs under a kernel, fitted."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, fit
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.search.query_domain import Starts, noise_starts
from imprint.lenses.leave_one_out.search.query_objective import LeakOfQueries


@dataclass
class Setting:
    kernel: Kernel
    inputs: Tensor
    posterior: Posterior

    def leak(self, groups, objective="correlation") -> LeakOfQueries:
        return LeakOfQueries(
            self.kernel, self.inputs, self.posterior, torch.tensor(groups), objective
        )

    def noise(self, names, queries: int = 1) -> Starts:
        edge = torch.full(self.inputs.shape[1:], 1.7, dtype=torch.float64)
        return noise_starts(-edge, edge, names, queries)


def setting(
    name: str = "fc", shape=(40, 12), noise: float = 0.1, classes: int = 2, seed: int = 0, **options
) -> Setting:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64)
    kernel = KERNELS.get(name)(**options)
    targets = centred_one_hot(torch.arange(len(inputs)) % classes, classes)
    return Setting(kernel, inputs, fit(kernel(inputs), targets, noise))
