"""Pairs of encoders that are trained with further seeds, and the test pooled over all pairs.

Every further seed has a study of its own, ``seeds/SEED``, with the same partition and the same
crops; a killed audit resumes in each. The images are opened once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from imprint.audits.options import AuditOptions
from imprint.audits.steps import split_step, train_step
from imprint.core.progress import log
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.pool import SEEDS_COVER, TABLES, PoolSeeds
from imprint.lenses.dejavu.study.public_images import PublicSet
from imprint.lenses.dejavu.study.two_model import run_two_model_test
from imprint.nets.load import NetworkFile
from imprint.study.finding import read_finding
from imprint.study.store import Study


def with_first_seed(options: AuditOptions) -> AuditOptions:
    """Return the options that train the pair of the study itself."""
    return replace(options, seed=options.seeds[0]) if options.seeds else options


def pool_further_seeds(
    study: Study,
    images: ImageSet,
    partition: Partition,
    attacked: AttackedSet,
    public: PublicSet,
    options: AuditOptions,
    device: torch.device,
) -> PooledFindings | None:
    """Train and test a pair for every further seed; return the pooled test, None with one seed.

    The pair of the first seed has been tested in ``study``.

    Args:
        study: of the audit.
        images: what was split.
        partition: how, for all seeds.
        attacked: which of its images are attacked.
        public: which images vote.
        options: of the audit.
        device: where to train.
    """
    folders = {seed: f"seeds/{seed}" for seed in options.seeds[1:]}
    if not folders:
        return None
    for number, (seed, folder) in enumerate(folders.items(), start=2):
        log(f"training seed {seed}: {number} of {len(options.seeds)}")
        _test_seed(
            Study(study.path(folder)), images, partition, attacked, public, options, seed, device
        )
    inputs = (TABLES, *(f"{folder}/{TABLES}" for folder in folders.values()))
    step = PoolSeeds(
        names=tuple(f"seed {seed}" for seed in options.seeds),
        top_percent=tuple(options.top_percent),
        seed=options.seed,
        covers=SEEDS_COVER,
        hashes=(),
        tables=tuple(map(study.path, inputs)),
        inputs=inputs,
    )
    return read_finding(PooledFindings, study.run(step) / "findings.json")


def _test_seed(
    study: Study,
    images: ImageSet,
    partition: Partition,
    attacked: AttackedSet,
    public: PublicSet,
    options: AuditOptions,
    seed: int,
    device: torch.device,
) -> Path:
    """Train and test the pair of one further seed; return its tables.

    Controls are those of the first pair: they say whether the test holds, not what a seed does.
    """
    own = replace(options, seed=seed, controls=False, export_legacy=False)
    study.run(split_step(images, own))
    checkpoints = train_step(study, images, partition, own, device, images_seed=options.seed)
    networks = {name: NetworkFile(file) for name, file in checkpoints.items()}
    last = options.train.last_epoch
    run_two_model_test(study, images, partition, attacked, networks, own, public, last)
    return study.path(TABLES)
