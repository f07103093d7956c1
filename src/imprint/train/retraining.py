"""Networks retrained without single records, beside the same networks trained with all of them.

``logits/in.npy`` holds the logits of K networks trained on every record, ``logits/without/I.npy``
those of the K networks of the same initialisations that went without record I, and
``logits/subsets.npy`` those of networks trained on random halves (of networks of images in a file a
half, ``logits/halves/H.npy``): float32 ``[networks, N, c]``, on the n records in order, then on the
queries, then on points around records left out (in.npy: around all of them in order;
without/I.npy: around record I). Each file is one step of the study, so
a run that was killed goes on with the files it lacks. Data and weights are not stored: a seed
brings them back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.launch.shards import of_one_task
from imprint.launch.steps import run_steps
from imprint.nets.fully_connected import Prior
from imprint.reading.array_files import read_npy
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_arrays
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.train.cohort.network_stack import TrainingSet, train_stack
from imprint.train.image_networks import ImageNetworks, logits_of, train_image_networks
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
        prior: the kernel ``fc``, whose options describe the networks, or networks of images.
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
    prior: Prior | ImageNetworks
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
                f"{self.pairs} pairs of networks are too few to estimate their spread: "
                "train 4 or more"
            )

    def settings(self) -> Mapping[str, Any]:
        """Return what every network depends on, as JSON values."""
        data, prior = self.data, self.prior
        return {
            "data": hash_arrays(data.inputs.cpu().numpy(), data.labels.cpu().numpy()),
            "classes": data.classes,
            "records": self.records,
            "batches": "of records alone",
            "networks": network_settings(prior),
            "train": self.options.settings(),
            "seed": self.seed,
        }

    def halves(self) -> NDArray[np.bool_]:
        """Return who is in which random half of the records, bool ``[subsets, n]``."""
        halves = np.zeros((self.subsets, self.records), dtype=bool)
        for subset, row in enumerate(halves):
            order = generator(self.seed, "half", subset).permutation(self.records)
            row[order[: self.records // 2]] = True
        return halves


def network_settings(prior: Prior | ImageNetworks) -> dict[str, Any]:
    """Return what the networks are made of, as JSON values."""
    if isinstance(prior, ImageNetworks):
        return dict(prior.settings())
    names = ("depth", "activation", "w_std", "b_std", "input_scale")
    return {name: getattr(prior, name) for name in names}


@dataclass(frozen=True, eq=False, kw_only=True)
class LogitsStep(Step):
    """Logits of networks trained on some of the records, float32 ``[networks, N, c]``.

    Attributes:
        training: what every network depends on.
        network_pairs: K, networks with and without each record.
        around: hash of the points around records, None without.
        left_out: the record that is left out; None for none, or in a random half.
        subsets: random halves, None of other networks.
        subset_networks: networks of each half.
        plan: the retraining.
        kept: bool ``[networks, n]``, the records of each.
        pairs: numbers of their initialisations.
        points: ``[p, d]``, further inputs whose logits are taken.
        name: of the file.
    """

    training: Mapping[str, Any]
    network_pairs: int
    around: str | None
    left_out: int | None = None
    subsets: int | None = None
    subset_networks: int | None = None
    plan: Retraining = uncounted()
    kept: NDArray[np.bool_] = uncounted()
    pairs: tuple[int, ...] = uncounted()
    points: Tensor | None = uncounted()
    name: str = uncounted()

    @classmethod
    def of(cls, plan: Retraining, **parts: Any) -> LogitsStep:
        """Return the step of some networks of a retraining."""
        around = plan.around
        return cls(
            training=plan.settings(),
            network_pairs=plan.pairs,
            around=None if around is None else hash_arrays(around.cpu().numpy()),
            plan=plan,
            **parts,
        )

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """The file in ``logits/``."""
        return f"logits/{self.name}.npy"

    def build(self, path: Path) -> None:
        """Train the networks and write their logits."""
        logits = torch.cat(list(self._stacks())).float().cpu().numpy()
        with path.open("wb") as file:
            np.save(file, logits, allow_pickle=False)

    def _stacks(self) -> Iterator[Tensor]:
        prior = self.plan.prior
        if isinstance(prior, ImageNetworks):
            return self._of_images(prior)
        return self._fully_connected(prior)

    def _fully_connected(self, prior: Prior) -> Iterator[Tensor]:
        plan, inputs = self.plan, self.plan.data.inputs
        requested = inputs if self.points is None else torch.cat([inputs, self.points])
        scaled = requested * prior.input_scale
        for start in range(0, len(self.pairs), AT_ONCE):
            stack = train_stack(
                plan.data,
                torch.from_numpy(self.kept[start : start + AT_ONCE]).to(inputs.device),
                list(self.pairs[start : start + AT_ONCE]),
                prior,
                plan.options,
                plan.seed,
            )
            yield stack.logits(scaled)

    def _of_images(self, networks: ImageNetworks) -> Iterator[Tensor]:
        data = self.plan.data
        for start, end in runs_of_equal_rows(self.kept, networks.at_once(data.inputs.device)):
            models = train_image_networks(
                networks,
                data.inputs,
                data.labels,
                torch.from_numpy(self.kept[start]).to(data.inputs.device),
                self.pairs[start:end],
                self.plan.options,
                self.plan.seed,
            )
            yield torch.stack([logits_of(model, data.inputs) for model in models])


def runs_of_equal_rows(rows: NDArray[np.bool_], most: int) -> Iterator[tuple[int, int]]:
    """Yield first and last (exclusive) of runs of up to ``most`` rows that are the same.

    >>> list(runs_of_equal_rows(np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool), 2))
    [(0, 2), (2, 3), (3, 4)]
    """
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and end - start < most and np.array_equal(rows[start], rows[end]):
            end += 1
        yield start, end
        start = end


@dataclass(frozen=True, eq=False)
class Logits:
    """Logits of the networks of a :class:`Retraining`.

    Attributes:
        within: float32 ``[K, N, c]``, networks trained on every record.
        without: by row left out, float32 ``[K, N, c]``.
        subsets: float32 ``[subsets, networks, N, c]`` of the networks of each half; None without.
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
    """Train every network that is not done yet; return the logits of all of them.

    Raises:
        ImprintError: weights that overflow, or a study made with other settings.
    """
    everyone = np.ones((plan.pairs, plan.records), dtype=bool)
    pairs = tuple(range(plan.pairs))
    every = None if plan.around is None else plan.around.flatten(0, 1)
    common = LogitsStep.of(plan, kept=everyone, pairs=pairs, points=every, name="in")
    rows = plan.left_out.tolist()
    steps = [common]
    for place, row in enumerate(rows):
        kept = everyone.copy()
        kept[:, row] = False
        own = None if plan.around is None else plan.around[place]
        steps.append(replace(common, left_out=row, kept=kept, points=own, name=f"without/{row}"))
    within, *others = map(read_npy, run_steps(study, steps, "retrain", "record"))
    without: dict[int, FloatArray] = dict(zip(rows, others, strict=True))
    train_halves = _subsets_of_images if isinstance(plan.prior, ImageNetworks) else _subsets
    return _logits(plan, within, without, train_halves(study, plan))


def retrain_without(
    study: Study, plan: Retraining, kept: NDArray[np.bool_], starts: tuple[int, ...]
) -> FloatArray:
    """Train networks on sets of records of one's own, those that are not done yet.

    Args:
        study: where their logits are kept, in ``logits/removals/``.
        plan: of which all but the records is used.
        kept: bool ``[networks, n]``.
        starts: the initialisation of each network, as the pairs are numbered.

    Returns:
        float32 ``[networks, N, c]``.
    """
    name = f"removals/{hash_arrays(kept, np.array(starts))[:16]}"
    step = LogitsStep.of(plan, kept=kept, pairs=starts, points=None, name=name)
    logits: FloatArray = read_npy(study.run(replace(step, around=None)))
    return logits


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
    pairs = tuple(plan.pairs + network for network in range(len(halves)))
    step = LogitsStep.of(plan, kept=halves, pairs=pairs, points=None, name="subsets")
    step = replace(step, around=None, subsets=plan.subsets, subset_networks=plan.subset_networks)
    with of_one_task():
        logits: FloatArray = read_npy(study.run(step))
    return logits.reshape(plan.subsets, plan.subset_networks, *logits.shape[1:])


def _subsets_of_images(study: Study, plan: Retraining) -> FloatArray | None:
    """Return the logits of halves, a file each: one takes as long as leaving out a record."""
    if not plan.subsets:
        return None
    halves = plan.halves()
    steps = []
    for half in range(plan.subsets):
        first = plan.pairs + half * plan.subset_networks
        step = LogitsStep.of(
            plan,
            kept=np.repeat(halves[half : half + 1], plan.subset_networks, axis=0),
            pairs=tuple(range(first, first + plan.subset_networks)),
            points=None,
            name=f"halves/{half}",
        )
        steps.append(replace(step, around=None, subset_networks=plan.subset_networks))
    files = run_steps(study, steps, "train on halves", "half")
    return np.stack([read_npy(file) for file in files])
