"""Networks retrained without single records, beside the same networks trained with all of them.

``logits/in.npy`` holds the logits of K networks trained on every record, ``logits/without/I.npy``
those of the K networks of the same initialisations that went without record I, and
``logits/subsets.npy`` those of networks trained on random halves: float32 ``[networks, N, c]``, on
the n records in order, then on the queries, then on points around records left out (in.npy: around
all of them in order; without/I.npy: around record I). Each file is one step of the study, so a run
that was killed goes on with the files it lacks. Data and weights are not stored: a seed brings them
back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.nets.fully_connected import Prior
from imprint.reading.array_files import read_npy
from imprint.study.hashing import hash_arrays
from imprint.study.store import Study
from imprint.train.cohort.network_stack import TrainingSet, train_stack
from imprint.train.retrain_options import RetrainOptions

FloatArray = NDArray[np.float32]

AT_ONCE = 10
"""Networks of a stack: ten of width 256 on 500 coordinates are 8 MB, and more are no faster."""


@dataclass(frozen=True, eq=False)
class Retraining:
    """Which networks are trained on what.

    Attributes:
        data: the records, then the queries.
        records: n, how many of the rows of ``data`` are trained on.
        left_out: int64 ``[r]``, rows of the records that are left out, one at a time.
        pairs: K, networks with and without each of them.
        subsets: how many random halves of the records to train on as well.
        subset_networks: networks for each half, of different initialisations.
        prior: the kernel ``fc``, whose options describe the networks.
        options: of training.
        seed: of everything random.
        around: points around each record left out at which networks with and without it are asked
            as well, ``[r, p, d]`` in the coordinates of ``data``.
    """

    data: TrainingSet
    records: int
    left_out: NDArray[np.int64]
    pairs: int
    subsets: int
    subset_networks: int
    prior: Prior
    options: RetrainOptions
    seed: int
    around: Tensor | None = None

    def __post_init__(self) -> None:
        rows = len(self.data.labels)
        if not 2 <= self.records <= rows:
            raise ImprintError(f"{self.records} records to train on: give 2 to {rows}")
        wrong = [row for row in self.left_out if not 0 <= row < self.records]
        if wrong or len(set(self.left_out.tolist())) != len(self.left_out):
            raise ImprintError(
                f"records to leave out must be different rows from 0 to {self.records - 1}"
                + (f", not {wrong[0]}" if wrong else "")
            )
        if self.pairs < 4:
            raise ImprintError(
                f"{self.pairs} pairs of networks tell nothing of their own spread: train 4 or more"
            )

    def settings(self) -> dict[str, Any]:
        """Return what every network depends on, as JSON values."""
        data, prior = self.data, self.prior
        return {
            "data": hash_arrays(data.inputs.cpu().numpy(), data.labels.cpu().numpy()),
            "classes": data.classes,
            "records": self.records,
            "batches": "of records alone",
            "networks": {
                "depth": prior.depth,
                "activation": prior.activation,
                "w_std": prior.w_std,
                "b_std": prior.b_std,
                "input_scale": prior.input_scale,
            },
            "train": self.options.settings(),
            "seed": self.seed,
        }

    def halves(self) -> NDArray[np.bool_]:
        """Return who is in which random half of the records, bool ``[subsets, n]``."""
        found = np.zeros((self.subsets, self.records), dtype=bool)
        for subset, row in enumerate(found):
            order = generator(self.seed, "half", subset).permutation(self.records)
            row[order[: self.records // 2]] = True
        return found


@dataclass(frozen=True, eq=False)
class Logits:
    """What the networks of a :class:`Retraining` say.

    Attributes:
        within: float32 ``[K, N, c]``, networks trained on every record.
        without: by row left out, float32 ``[K, N, c]``.
        subsets: float32 ``[subsets, N, c]``, mean over the networks of a half; None without.
        around_within: at the points around each record left out, float32 ``[r, K, p, c]``, of the
            networks trained on every record; None without such points.
        around_without: likewise of those that went without it.
    """

    within: FloatArray
    without: dict[int, FloatArray]
    subsets: FloatArray | None
    around_within: FloatArray | None = None
    around_without: FloatArray | None = None


def retrain(study: Study, plan: Retraining) -> Logits:
    """Train every network that is not done yet; return what all of them say.

    Raises:
        ImprintError: weights that overflow, or a study made with other settings.
    """
    settings = {**plan.settings(), "pairs": plan.pairs}
    if plan.around is not None:
        settings["around"] = hash_arrays(plan.around.cpu().numpy())
    everyone = np.ones((plan.pairs, plan.records), dtype=bool)
    pairs = list(range(plan.pairs))
    every = None if plan.around is None else plan.around.flatten(0, 1)
    within: FloatArray = read_npy(
        study.step(
            "logits/in.npy", settings, lambda path: _train(path, plan, everyone, pairs, every)
        )
    )
    without: dict[int, FloatArray] = {}
    rows = track(plan.left_out.tolist(), "retrain", len(plan.left_out), "record")
    for place, row in enumerate(rows):
        own = None if plan.around is None else plan.around[place]
        kept = everyone.copy()
        kept[:, row] = False

        def build(path: Path, kept: NDArray[np.bool_] = kept, own: Tensor | None = own) -> None:
            _train(path, plan, kept, pairs, own)

        path = study.step(f"logits/without/{row}.npy", {**settings, "left out": row}, build)
        without[row] = read_npy(path)
    return _logits(plan, within, without, _subsets(study, plan))


def _logits(
    plan: Retraining,
    within: FloatArray,
    without: dict[int, FloatArray],
    subsets: FloatArray | None,
) -> Logits:
    """Return what files hold, the points around records apart from the rest."""
    if plan.around is None:
        return Logits(within, without, subsets)
    rows, (records, points) = len(plan.data.labels), plan.around.shape[:2]
    around = within[:, rows:].reshape(len(within), records, points, -1).swapaxes(0, 1)
    own = np.stack([without[row][:, rows:] for row in plan.left_out.tolist()])
    apart = {row: logits[:, :rows] for row, logits in without.items()}
    return Logits(within[:, :rows], apart, subsets, around, own)


def _subsets(study: Study, plan: Retraining) -> FloatArray | None:
    if not plan.subsets:
        return None
    halves = np.repeat(plan.halves(), plan.subset_networks, axis=0)
    pairs = [plan.pairs + network for network in range(len(halves))]
    chosen = {"subsets": plan.subsets, "subset networks": plan.subset_networks}
    settings = {**plan.settings(), **chosen, "pairs": plan.pairs}
    path = study.step(
        "logits/subsets.npy", settings, lambda file: _train(file, plan, halves, pairs)
    )
    logits: FloatArray = read_npy(path)
    each = logits.reshape(plan.subsets, plan.subset_networks, *logits.shape[1:])
    return np.asarray(each.mean(1))


def _train(
    path: Path,
    plan: Retraining,
    kept: NDArray[np.bool_],
    pairs: list[int],
    around: Tensor | None = None,
) -> None:
    logits = torch.cat(list(_stacks(plan, kept, pairs, around))).float().cpu().numpy()
    with path.open("wb") as file:
        np.save(file, logits, allow_pickle=False)


def _stacks(
    plan: Retraining, kept: NDArray[np.bool_], pairs: list[int], around: Tensor | None
) -> Iterator[Tensor]:
    device = plan.data.inputs.device
    asked = plan.data.inputs if around is None else torch.cat([plan.data.inputs, around])
    scaled = asked * plan.prior.input_scale
    for start in range(0, len(pairs), AT_ONCE):
        stack = train_stack(
            plan.data,
            torch.from_numpy(kept[start : start + AT_ONCE]).to(device),
            pairs[start : start + AT_ONCE],
            plan.prior,
            plan.options,
            plan.seed,
        )
        yield stack.logits(scaled)
