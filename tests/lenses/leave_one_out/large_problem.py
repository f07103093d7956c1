"""A few hundred records in clusters, some all but alone, with what a plain float64 fit says."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch

from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.large.conjugate_gradients import StreamedMatrix
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, fit
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence, self_influence
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot

NOISE = 0.1
KERNEL = FullyConnected(depth=2)


@dataclass(frozen=True)
class LargeProblem:
    x: torch.Tensor
    targets: torch.Tensor

    @cached_property
    def posterior(self) -> Posterior:
        return fit(KERNEL(self.x), self.targets, NOISE)

    @cached_property
    def truth(self) -> SelfInfluence:
        return self_influence(self.posterior)

    def matrix(self, block: int = 64) -> StreamedMatrix:
        return StreamedMatrix(KERNEL, KERNEL.prepare(self.x), NOISE, block=block)


@lru_cache
def large_problem(records: int = 240) -> LargeProblem:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(records) % 3
    centres = torch.randn(3, 12, generator=generator)
    x = torch.randn(records, 12, generator=generator) * 0.7 + centres[labels] + 0.5
    return LargeProblem(x.double(), centred_one_hot(labels, 3))
