"""``coverage importance`` and ``coverage wisdom``: which neurons matter, and how surely."""

from __future__ import annotations

from typing import Any

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.choice import image_facts
from imprint.data.imageset import ImageSet
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.study.importance import (
    NO_LOGITS,
    attribution_seed,
    check_methods,
    check_records,
    importance_step,
    leading_neurons,
    old_files_step,
    votes_step,
)
from imprint.lenses.coverage.study.options import ImportanceOptions, NetworkChoice, WisdomOptions
from imprint.lenses.coverage.study.selector import selector_step
from imprint.lenses.coverage.study.tables import open_network, open_training
from imprint.nets.image_model import ImageModel
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.report.summary import finish
from imprint.study.store import Study

BY_NEURON = {"lgc", "lfa"}
"""Attributions that give one number a channel, whatever its places."""


def importance_study(options: ImportanceOptions) -> dict[str, Any]:
    """Attribute outputs to neurons, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_methods(options.methods, "--methods")
    summed = options.reduce == "sum" and not set(options.methods) & BY_NEURON
    if options.scaling == "per_position" and not summed:
        raise ImprintError(
            "--scaling per_position divides sums over places: leave it out with --reduce mean or "
            "max_abs, and with lgc and lfa, which give one number a channel"
        )
    check_records(options.records, "--records")
    if options.top < 1:
        raise ImprintError(f"--top is {options.top}: list 1 neuron or more")
    how = AttributionOptions(
        target=options.target,
        reduce=options.reduce,
        sign=options.sign,
        steps=options.path_steps,
        rule=options.rule,
        seed=attribution_seed(options.seed),
    )
    study = Study(options.out)
    with study.locked():
        model, weights, images = _open(options)
        tables = importance_step(
            study,
            model,
            weights,
            images,
            _records(images, options.records, options.seed, "importance"),
            options.methods,
            how,
            choose_device(options.device),
            options.correct_only,
            options.centre_fraction,
        )
        if options.old_files:
            old_files_step(study, options.methods)
        told = {
            name: importance_facts(table.scaled(options.scaling), options.top)
            for name, table in tables.items()
        }
        findings = {"importance": {"scaling": options.scaling, "methods": told}}
        return finish(study, options, image_facts(images), {"coverage": findings})


def wisdom_study(options: WisdomOptions) -> dict[str, Any]:
    """Let attributions vote, and write the page.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    check_methods(options.methods, "--methods")
    check_records(options.records, "--records")
    if options.batch_size < 1:
        raise ImprintError(f"--batch-size is {options.batch_size}: a ballot takes 1 image or more")
    voting = VotingOptions(
        published=options.published,
        mode=options.mode,
        m=options.top,
        window=0 if options.published else options.window,
        seed=attribution_seed(options.seed),
    )
    study = Study(options.out)
    with study.locked():
        model, weights, images = _open(options)
        _, found = votes_step(
            study,
            model,
            weights,
            images,
            _records(images, options.records, options.seed, "votes"),
            options.methods,
            voting,
            choose_device(options.device),
            options.batch_size,
            options.centre_fraction,
        )
        findings: dict[str, Any] = {"wisdom": found}
        if options.selector != "none":
            findings["selector"] = selector_step(
                study,
                model,
                weights,
                images,
                _records(images, options.selector_records, options.seed, "selector"),
                options.methods,
                options.top,
                options.selector == "layers",
                attribution_seed(options.seed),
                choose_device(options.device),
                options.centre_fraction,
            )
        return finish(study, options, image_facts(images), {"coverage": findings})


def importance_facts(table: ImportanceTable, top: int) -> dict[str, Any]:
    """Return what is told of a table: the most important neurons, and the share of each layer."""
    scores = table.of()
    leading = leading_neurons(table.layers, scores, top, table.layers.names[-1])
    sizes = np.abs(np.nan_to_num(scores))
    total = sizes.sum() or 1.0
    return {
        "images": int(table.counts[-1]),
        "without_score": leading.missing,
        "leading": [
            {"layer": layer, "neuron": row, "score": float(score)}
            for (layer, row), score in zip(leading.named(), leading.scores, strict=True)
        ],
        "layers": {
            name: float(sizes[part].sum() / total) for name, part in table.layers.slices.items()
        },
    }


def _open(options: NetworkChoice) -> tuple[ImageModel, str, ImageSet]:
    images = open_training(options)
    model, weights = open_network(options, images)
    if not model.has_logits:
        raise ImprintError(f"{options.subject}: {NO_LOGITS}: give a network that has one")
    return model, weights, images


def _records(images: ImageSet, count: int, seed: int, purpose: str) -> IntArray:
    order = generator(seed, f"coverage {purpose}").permutation(np.arange(len(images)))
    return order[:count] if count else order
