"""Where the activations of a command come from: a file, or a network and its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.lenses.coverage.fits.options import FitOptions
from imprint.lenses.coverage.options import (
    MembersChoice,
    NetworkTestChoice,
    RankedNetworkChoice,
    SourceChoice,
)
from imprint.lenses.coverage.study.inputs import (
    ImageSets,
    open_network,
    open_sets,
    tables_from_arrays,
    tap_options,
)
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import NeuronRanking, check_choice, check_tables
from imprint.neurons.activations import ActivationTable
from imprint.report.model_facts import ModelAccuracy, ModelFacts, network_facts
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion
from imprint.study.hashing import hash_file
from imprint.study.options import Common
from imprint.study.plain import JsonObject
from imprint.study.store import Study


@dataclass(frozen=True, eq=False)
class Source:
    """Where activations come from.

    Attributes:
        train: of training inputs, if there are any.
        test: of test inputs.
        fingerprints: of what they were made from.
        facts: of the data, for the summary.
        network: that made them; None where they came from a file.
        sets: images it was shown, likewise.
    """

    train: ActivationTable | None
    test: ActivationTable
    fingerprints: Mapping[str, str]
    facts: JsonObject
    network: AuditedNetwork | None = None
    sets: ImageSets | None = None

    @property
    def members(self) -> View | None:
        """The training images behind ``train``; None of arrays."""
        if self.sets is None or self.train is None or self.train.index is None:
            return None
        return replace(self.sets.train, index=self.train.index)

    def model_facts(self) -> ModelFacts | None:
        """Return what the summary says of the network; None of arrays."""
        if self.network is None:
            return None
        accuracy = ModelAccuracy(
            members=None if self.train is None else accuracy_on(self.train),
            tests=accuracy_on(self.test),
        )
        return network_facts(self.network.file, accuracy)


def accuracy_on(table: ActivationTable) -> Estimate | None:
    """Return the share of inputs whose class the network names; None where it is not known."""
    if table.labels is None or table.predictions is None or not len(table):
        return None
    return proportion(int((table.labels == table.predictions).sum()), len(table))


def open_source(study: Study, options: SourceChoice) -> Source:
    """Return activations of a file, or of the network and images of the options.

    Raises:
        ImprintError: they cannot be read, or do not fit one another.
    """
    if options.arrays is None:
        return network_source(study, options)
    train, test = tables_from_arrays(options.arrays)
    hashed = {"arrays": hash_file(options.arrays)}
    return Source(train, test, hashed, {"name": options.arrays.name})


def ranking_of(study: Study, source: Source, options: RankedNetworkChoice) -> NeuronRanking:
    """Return what ranks the neurons of a source."""
    return NeuronRanking(
        study,
        source.test.layers,
        source.network,
        source.members,
        options,
        options,
        options.seed,
    )


def check_source(options: SourceChoice | FitOptions) -> None:
    """Refuse options of a source before other work begins.

    Raises:
        ImprintError: options of networks beside ``--arrays``, neither of both, attributions that
            do not exist, or tables that cannot be read.
    """
    check_choice(options)
    check_tables(options)
    if (options.arrays is None) == (options.model is None):
        raise ImprintError(
            "give either --arrays, activations in an .npz file, or --model, the weights of a "
            "network, with its images"
        )
    if options.arrays is None:
        return
    kind = MembersChoice if isinstance(options, FitOptions) else NetworkTestChoice
    defaults, common = kind(out=options.out), vars(Common(out=options.out))
    for name, default in vars(defaults).items():
        if name not in common and getattr(options, name) != default:
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to a network, not to --arrays: leave it out")


def network_source(study: Study, options: NetworkTestChoice) -> Source:
    """Return the activations of the network and images of the options.

    Raises:
        ImprintError: they cannot be read, or do not fit one another.
    """
    sets = open_sets(options)
    network = open_network(options, sets.images)
    steps = [
        TakeActivations(network, view, tap_options(options), options.storage, part)
        for part, view in (("train", sets.train), ("test", sets.test))
    ]
    train, test = (step.table(study) for step in steps)
    fingerprints = {step.part: study.hash_of(step.artefact) for step in steps}
    return Source(train, test, fingerprints, sets.facts(), network, sets)
