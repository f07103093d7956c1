"""The long way round: delete rows, fit again, compare two Gaussian laws from their definition."""

from dataclasses import dataclass

import numpy as np
import torch

from imprint.lenses.leave_one_out.posterior.posterior import Posterior, fit


@dataclass
class Problem:
    """Kernels of n records and q queries, targets and noise; tensors."""

    kernel: torch.Tensor
    cross: torch.Tensor
    covariance: torch.Tensor
    targets: torch.Tensor
    noise: float

    @property
    def variances(self) -> torch.Tensor:
        return self.covariance.diagonal()

    def fit(self) -> Posterior:
        return fit(self.kernel, self.targets, self.noise)

    def everyone_but(self, *gone: int) -> list[int]:
        return [row for row in range(len(self.kernel)) if row not in gone]

    def law(self, rows, queries=None):
        """Mean [q, c] and covariance [q, q] at the queries of the model of some rows."""
        cross, covariance = self.cross.numpy(), self.covariance.numpy()
        if queries is not None:
            both = np.ix_(queries, queries)
            cross, covariance = self.kernel.numpy()[queries], self.kernel.numpy()[both]
        matrix = self.kernel.numpy()[np.ix_(rows, rows)] + self.noise * np.eye(len(rows))
        solved = np.linalg.solve(matrix, cross[:, rows].T).T
        return solved @ self.targets.numpy()[rows], covariance - solved @ cross[:, rows].T


def problem(seed: int, records: int = 9, queries: int = 4, outputs: int = 3, noise: float = 0.2):
    """Points in five dimensions under a squared-exponential plus linear kernel."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(records + queries, 5))
    apart = ((points[:, None] - points) ** 2).sum(-1)
    kernel = torch.from_numpy(np.exp(-apart / 8) + 0.1 * points @ points.T)
    labels = np.arange(records) % max(outputs, 2)
    targets = np.eye(max(outputs, 2))[labels] - 1 / max(outputs, 2)
    targets = torch.from_numpy(targets[:, :outputs])
    known, queried = slice(records), slice(records, None)
    return Problem(
        kernel[known, known], kernel[queried, known], kernel[queried, queried], targets, noise
    )


def kl(first, second) -> float:
    """KL of two laws (mean [q, c], covariance [q, q]), classes independent."""
    (mean, covariance), (other_mean, other) = first, second
    size, outputs = mean.shape
    shift = other_mean - mean
    logs = np.linalg.slogdet(other)[1] - np.linalg.slogdet(covariance)[1]
    trace = np.trace(np.linalg.solve(other, covariance))
    distance = np.sum(shift * np.linalg.solve(other, shift))
    return float(0.5 * (outputs * (logs - size + trace) + distance))


def at(law, query: int):
    """One query of a joint law."""
    mean, covariance = law
    return mean[[query]], covariance[[query]][:, [query]]
