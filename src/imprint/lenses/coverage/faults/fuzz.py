"""``coverage fuzz``: mutated images that a network gets wrong, searched for under a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.choice import image_facts
from imprint.data.joined import JoinedImages
from imprint.data.view import View
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.faults.findings import FuzzFindings, Fuzzing
from imprint.lenses.coverage.faults.gallery import SaveFaultPictures
from imprint.lenses.coverage.faults.local_diffusion import DiffusionModel
from imprint.lenses.coverage.faults.network import as_float, watched_classifier
from imprint.lenses.coverage.faults.options import FuzzOptions
from imprint.lenses.coverage.faults.published import WritePublishedFaults
from imprint.lenses.coverage.faults.quality import MeasureQuality
from imprint.lenses.coverage.faults.search import OracleChoice, SearchFaults
from imprint.lenses.coverage.fuzzing.corpus import MAX_BYTES
from imprint.lenses.coverage.fuzzing.guide import CONTROLS
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS
from imprint.lenses.coverage.fuzzing.search import SearchOptions
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds
from imprint.lenses.coverage.options import CriteriaChoice
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import open_members, open_network, open_part, tap_options
from imprint.lenses.coverage.study.network import NO_LOGITS, AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import NeuronRanking, check_choice, check_tables
from imprint.nets.load import NetworkFile
from imprint.neurons.activations import ActivationTable, Layers
from imprint.report.model_facts import ModelAccuracy, network_facts
from imprint.report.summary import finish
from imprint.stats.proportion import proportion
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study

MAX_ROUND_VALUES = 1 << 28
"""Of the mutants of a round: a gibibyte of floats, of which a round needs a few."""


def fuzz_study(options: FuzzOptions) -> JsonObject:
    """Search for faults, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, a criterion that cannot be fitted, no seed
            that is classified correctly, or a study made with other settings.
    """
    check_options(options)
    study = Study(options.out)
    with study.locked():
        step = search_step(study, options)
        judge_of_quality = open_quality(options, step.network)
        fuzzing = read_finding(Fuzzing, study.run(step) / "findings.json")
        if judge_of_quality is not None:
            side = step.network.model.input_size
            quality = MeasureQuality(judge_of_quality, step.seeds, side, options.seed, study)
            fuzzing = replace(fuzzing, quality=quality.finding(study))
        if options.export_legacy:
            study.run(published_faults(study, options, step, fuzzing))
        images = step.seeds.images
        study.run(SaveFaultPictures(images.classes, study))
        lenses = {"coverage": to_json(FuzzFindings(fuzzing))}
        right = fuzzing.seeds, fuzzing.seeds + fuzzing.misclassified_seeds
        facts = network_facts(step.network.file, ModelAccuracy(tests=proportion(*right)))
        return finish(study, options, image_facts(images), lenses, facts)


def published_faults(
    study: Study, options: FuzzOptions, step: SearchFaults, fuzzing: Fuzzing
) -> WritePublishedFaults:
    """Return the step that writes the published table."""
    assert options.seeds is not None
    made = ["fuzzing", *([] if options.quality is None else [MeasureQuality.artefact])]
    return WritePublishedFaults(
        " ".join(study.hash_of(each) for each in made),
        options.seeds.stem,
        step.network.file.card.architecture,
        options.diffusion is not None,
        fuzzing,
        study,
    )


def open_quality(options: FuzzOptions, network: AuditedNetwork) -> AuditedNetwork | None:
    """Return the network on whose features faults are compared with seeds; None for none.

    Raises:
        ImprintError: it cannot be read, or takes other images.
    """
    if options.quality is None:
        return None
    other = AuditedNetwork(NetworkFile(options.quality), network.device)
    channels = other.model.channels
    if channels != network.model.channels:
        raise ImprintError(
            f"--quality {options.quality} takes {channels}-channel images, --model "
            f"{network.model.channels}: give a network of such images"
        )
    return other


def open_diffusion(options: FuzzOptions, network: AuditedNetwork) -> DiffusionModel | None:
    """Return the diffusion model that mutates, loaded once to see that it fits; None for none.

    Raises:
        ImprintError: it cannot be read, or is of other images.
    """
    if options.diffusion is None:
        return None
    model = DiffusionModel(options.diffusion, options.diffusion_strength)
    model.load(network.model.channels, network.model.device)
    return model


def search_step(study: Study, options: FuzzOptions) -> SearchFaults:
    """Return the step that searches, with all that it reads.

    Args:
        study: gets the activations of training images.
        options: of the command.

    Raises:
        ImprintError: bad data, or options that do not fit.
    """
    settings = check_options(options)
    members, seeds = open_views(options)
    network = open_network(options, seeds.images)
    check_network(network, seeds, options.round_size)
    oracle = open_oracle(options, network)
    diffusion = open_diffusion(options, network)
    open_quality(options, network)  # refused before activations are taken
    guiding, train, source = _guiding(study, options, network, members, seeds, settings)
    return SearchFaults(
        network,
        seeds,
        options.criterion,
        guiding,
        source,
        tap_options(options),
        options.mutations,
        options.strength,
        ChangeBounds(options.max_share, options.max_change),
        SearchOptions(
            options.budget, options.round_size, options.parents, options.depth, options.seed
        ),
        oracle,
        options.minimise,
        diffusion,
        train,
    )


def check_options(options: FuzzOptions) -> Mapping[str, object]:
    """Return the settings of the criterion, none for a control; refuse what does not fit.

    Raises:
        ImprintError: which options, and why.
    """
    check_choice(options)
    check_tables(options)
    if options.seeds is None:
        raise ImprintError("give --seeds, images to mutate: a folder or an array file")
    if not options.mutations:
        raise ImprintError("--mutations is empty: name some, see imprint list mutations")
    for name in options.mutations:
        MUTATIONS.get(name)
    if len(set(options.mutations)) < len(options.mutations):
        raise ImprintError("--mutations names one twice: name each once")
    named = [
        flag
        for flag, is_set in (
            ("--judge", options.judge is not None),
            ("--against", options.against is not None),
            ("--int8", options.int8 != "none"),
        )
        if is_set
    ]
    if len(named) > 1:
        raise ImprintError(
            f"{named[0]} and {named[1]} say differently what a fault is: give one of them"
        )
    if options.criterion in CONTROLS:
        if options.param:
            raise ImprintError(
                f"--param sets a criterion, and --criterion {options.criterion} is none"
            )
        if options.start == "members":
            raise ImprintError(
                f"--start members is about coverage, and --criterion {options.criterion} has none"
            )
        return {}
    CRITERIA.get(options.criterion)
    choice = CriteriaChoice(criteria=(options.criterion,), param=options.param)
    needs = CRITERIA.get(options.criterion).reads_training or options.start == "members"
    if needs and options.members is None:
        reader, other = options.criterion, "another --criterion"
        if not CRITERIA.get(options.criterion).reads_training:
            reader, other = "--start members", "--start seeds"
        raise ImprintError(
            f"{reader} reads images that the network was trained on: give --members, or {other}"
        )
    if CRITERIA.get(options.criterion).reads_labels:
        raise ImprintError(
            f"{options.criterion} reads the class of every input, and that of a mutant is what is "
            "to be found out: choose another --criterion"
        )
    return settings_of(choice)


def open_views(options: FuzzOptions) -> tuple[View | None, View]:
    """Return the training images, if there are any, and the seeds, of one set.

    Raises:
        ImprintError: they cannot be read, are the same, or their classes differ.
    """
    assert options.seeds is not None
    if (options.members, options.members_part) == (options.seeds, options.seeds_part):
        raise ImprintError(
            f"--members and --seeds are the same images, {options.seeds}: name its parts with "
            "--members-part and --seeds-part, or give two folders"
        )
    seeds = open_part(options, options.seeds, options.seeds_part)
    rows = drawn(len(seeds), options.seed_records, options.seed, "seeds")
    if options.members is None:
        return None, View(seeds, rows, options.centre_fraction)
    members = open_members(options)
    names = dict.fromkeys((options.members.name, options.seeds.name))
    images = JoinedImages(members, seeds, " and ".join(names))
    first = drawn(len(members), options.member_records, options.seed, "train records")
    return (
        View(images, first, options.centre_fraction),
        View(images, len(members) + rows, options.centre_fraction),
    )


def drawn(count: int, most: int, seed: int, purpose: str) -> IntArray:
    """Return rows, at most so many, drawn at random and sorted; all for 0."""
    rows = np.arange(count)
    if not most or most >= count:
        return rows
    return np.sort(generator(seed, f"coverage {purpose}").permutation(rows)[:most])


def check_network(network: AuditedNetwork, seeds: View, round_size: int) -> None:
    """Refuse a network without classes, and seeds or rounds that do not fit into memory.

    Raises:
        ImprintError: either.
    """
    model = network.model
    if not model.has_logits:
        raise ImprintError(NO_LOGITS)
    values = model.channels * model.input_size**2
    if round_size * values > MAX_ROUND_VALUES:
        raise ImprintError(
            f"--round-size {round_size} of {model.input_size} × {model.input_size} pixels does not "
            f"fit into memory: at most {max(1, MAX_ROUND_VALUES // values)}"
        )
    if 2 * len(seeds) * values > MAX_BYTES:
        raise ImprintError(
            f"{len(seeds):,} seeds of {model.input_size} × {model.input_size} pixels do not fit "
            "into the corpus: use fewer, --seed-records"
        )


def open_oracle(options: FuzzOptions, network: AuditedNetwork) -> OracleChoice:
    """Return what says which class is right.

    Raises:
        ImprintError: a second network that is none, the one under test, or of other classes.
    """
    second = options.judge or options.against
    if second is None:
        return OracleChoice(int8=options.int8)
    flag = "--judge" if options.judge is not None else "--against"
    other = AuditedNetwork(NetworkFile(second), network.device)
    ours, theirs = network.file.card, other.file.card
    if (ours.channels, ours.outputs) != (theirs.channels, theirs.outputs):
        raise ImprintError(
            f"{flag} {second} takes {theirs.channels}-channel images and has {theirs.outputs} "
            f"outputs, --model {ours.channels} and {ours.outputs}: give a network of the same task"
        )
    if not other.model.has_logits:
        raise ImprintError(f"{flag} {second} has no classifier: give one with logits")
    if other.fingerprint() == network.fingerprint():
        raise ImprintError(f"{flag} is the network under test itself: give another one")
    return OracleChoice(judge=other) if options.judge is not None else OracleChoice(against=other)


def _guiding(
    study: Study,
    options: FuzzOptions,
    network: AuditedNetwork,
    members: View | None,
    seeds: View,
    settings: Mapping[str, object],
) -> tuple[object, ActivationTable | None, Mapping[str, str]]:
    """Return settings of the criterion, training activations and what they were made from."""
    if options.criterion in CONTROLS:
        return None, None, {}
    train, source = None, {}
    if members is not None:
        step = TakeActivations(network, members, tap_options(options))
        train = step.table(study)
        source = {"train": study.hash_of(step.artefact), "start": options.start}
    layers = train.layers if train is not None else observed_layers(network, seeds, options)
    ranking = NeuronRanking(study, layers, network, members, options, options, options.seed)
    filled, _ = ranking.fill(settings)
    return filled[options.criterion], train, source


def observed_layers(network: AuditedNetwork, seeds: View, options: FuzzOptions) -> Layers:
    """Return the layers that are observed, found by a pass over one seed."""
    model = network.model
    pixels = seeds.rows(np.arange(1)).read(model.input_size).pixels
    with watched_classifier(model, tap_options(options), True) as classifier:
        return classifier(as_float(pixels, model.device)).batch.layers
