"""Reconstruction as a part of an audit that trains its own encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imprint.audits.options import AuditOptions
from imprint.audits.reconstruction.judge import check_classifier
from imprint.audits.reconstruction.recall import check_nearest, check_recipe, recall_pair
from imprint.audits.reconstruction.tested_pair import RECORDS, TestedPair
from imprint.core.errors import ImprintError
from imprint.core.extras import import_diffusers
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition
from imprint.data.view import View
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.lenses.reconstruct.diffusion.sampling import check_options
from imprint.lenses.reconstruct.pair_findings import PairFindings
from imprint.lenses.reconstruct.study.sample import DiffusionRun
from imprint.lenses.reconstruct.study.train import train_run
from imprint.nets.load import NetworkFile
from imprint.study.store import Study
from imprint.study.tables import read_table


def check_reconstruction(images: ImageSet, partition: Partition, options: AuditOptions) -> None:
    """Check what reconstruction needs, before anything is trained.

    Raises:
        ImprintError: diffusers is missing, or options that do not fit.
    """
    if options.reconstruct.on:
        import_diffusers("reconstruct")
        check_recipe(options.reconstruct, options.reconstruct.conditioning)
        check_options(options.reconstruct, options.reconstruct.train.diffusion)
        check_nearest(options.reconstruct, len(partition.public))
        if options.reconstruct.conditioning != "backbone" and not options.train.projector:
            raise ImprintError(
                "the encoders have no projector, and --reconstruct.conditioning "
                f"{options.reconstruct.conditioning} takes its output: choose backbone with "
                "--reconstruct.recipe crop, or give --train.projector"
            )
        if options.reconstruct.classifier is not None:
            check_classifier(NetworkFile(options.reconstruct.classifier), images)


def reconstruct_step(
    study: Study,
    images: ImageSet,
    partition: Partition,
    checkpoints: Mapping[str, Path],
    options: AuditOptions,
) -> PairFindings:
    """Train a diffusion model for each encoder, ``reconstruct/A`` and ``reconstruct/B``; use both.

    Args:
        study: of the audit, whose two-model test is done.
        images: that were split.
        partition: how; the diffusion models are trained on its public images.
        checkpoints: weights of ``A`` and ``B``.
        options: of the audit.
    """
    view = View(images, partition.public, options.centre_fraction)
    runs = {}
    for name in SIDES:
        folder = study.path(f"reconstruct/{name}")
        encoder = NetworkFile(checkpoints[name])
        train_run(Study(folder), view, encoder, options.reconstruct, options.seed, options.device)
        runs[name] = DiffusionRun.open(folder)
    pair = TestedPair(images, partition, options, read_table(study.path(RECORDS)), runs)
    return recall_pair(study, pair, options.reconstruct, options.seed, options.device)
