"""The neurons of IDC and WISDOM: ranked by the network, by existing tables, or by activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from imprint.core.arrays import FloatArray
from imprint.lenses.coverage.criteria.paths import PathOptions, leading_by_layer
from imprint.lenses.coverage.findings import CoverageFindings, NeuronCells, NeuronChoice
from imprint.lenses.coverage.importance.importance_files import read_votes
from imprint.lenses.coverage.importance.ranking import (
    Ranking,
    leading_neurons,
    read_ranking,
    scores_among,
)
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.options import ImportanceChoice, TablesChoice
from imprint.lenses.coverage.study.attribution import (
    AttributeNeurons,
    NotAttributable,
    attribute_neurons,
    attribution_seed,
    check_attributions,
)
from imprint.lenses.coverage.study.network import ExplainedNetwork, draw_inputs
from imprint.lenses.coverage.study.votes import CastVotes
from imprint.neurons.activations import Layers
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import Classifier, Inputs
from imprint.probe.attribution.importance import attributable_layers
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.study.store import Study

IDC, WISDOM, PATHS = "idc", "wisdom", "paths"
BY_SEPARATION = "separation of classes"
ATTRIBUTABLE = "linear and convolutional layers"
MAX_SHOWN_NAMES = 3


@dataclass(frozen=True, eq=False)
class NeuronRanking:
    """What ranks the neurons of the observed layers.

    Attributes:
        study: gets ``importance`` and ``wisdom`` where the network is attributed.
        layers: that are observed.
        network: under audit; None where only activations are known.
        members: images or records it was trained on.
        choice: of attributions and of numbers of images.
        tables: existing tables, which take precedence.
        seed: of the study.
        left_out: why the network is not asked to rank the neurons of a criterion, by its name.
    """

    study: Study
    layers: Layers
    network: ExplainedNetwork | None
    members: Inputs | None
    choice: ImportanceChoice
    tables: TablesChoice
    seed: int
    left_out: Mapping[str, str] = field(default_factory=dict)

    def fill(
        self, settings: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, NeuronChoice]]:
        """Return the settings of criteria with the neurons of IDC and the votes of WISDOM.

        Args:
            settings: of each criterion by its name; neurons and votes that are there stay.

        Returns:
            The settings, and what chose the neurons of each.
        """
        filled = dict(settings)
        choices: dict[str, NeuronChoice] = {}
        if IDC in filled and filled[IDC].neurons is None:
            ranking, source = self.importance()
            choices[IDC] = NeuronChoice(source=source)
            if ranking is not None:
                scores = scores_among(self.layers, ranking.scores, self._scored_by())
                leading = leading_neurons(self.layers, scores, filled[IDC].m, ranking.classifier)
                choices[IDC] = NeuronChoice(source=source, without_score=leading.missing)
                filled[IDC] = replace(filled[IDC], neurons=tuple(leading.neurons.tolist()))
        if PATHS in filled and filled[PATHS].neurons is None:
            filled[PATHS], choices[PATHS] = self._along_paths(filled[PATHS])
        if WISDOM in filled and filled[WISDOM].votes is None:
            votes, choices[WISDOM] = self.votes(filled[WISDOM].m)
            if votes is not None:
                filled[WISDOM] = replace(filled[WISDOM], votes=tuple(votes.tolist()))
        return filled, choices

    def _along_paths(self, options: PathOptions) -> tuple[PathOptions, NeuronChoice]:
        """Return the options with the leading neurons of each layer, and what chose them."""
        ranking, source = self.importance()
        if ranking is None:
            return options, NeuronChoice(source=source)
        scores = scores_among(self.layers, ranking.scores, self._scored_by())
        neurons = leading_by_layer(self.layers, scores, options.m, ranking.classifier)
        return replace(options, neurons=tuple(neurons.tolist())), NeuronChoice(source=source)

    def scores(self) -> tuple[FloatArray | None, str | None]:
        """Return the importance of the observed neurons, and the last layer of the network.

        None each where only activations are known.
        """
        ranking, _ = self.importance()
        if ranking is None:
            return None, None
        return scores_among(self.layers, ranking.scores, self._scored_by()), ranking.classifier

    def with_scores(self, findings: CoverageFindings) -> CoverageFindings:
        """Return findings with the importance of the neurons of IDC, where it chose them."""
        cells = findings.cells.get(IDC)
        if not isinstance(cells, NeuronCells) or cells.source is None:
            return findings
        scores, _ = self.scores()
        if scores is None:
            return findings
        starts = {name: part.start for name, part in self.layers.slices.items()}
        own = tuple(float(scores[starts[each.layer] + each.neuron]) for each in cells.neurons)
        return replace(findings, cells={**findings.cells, IDC: replace(cells, scores=own)})

    def importance(self) -> tuple[Ranking | None, str]:
        """Return the importance of neurons, and its source.

        None where there is none: the separation of classes takes its place, for the reason in the
        source.
        """
        if self.tables.importance is not None:
            ranking = read_ranking(self.tables.importance, self.layers.names)
            return ranking, ranking.source
        if self.network is None or self.members is None:
            return None, BY_SEPARATION
        reason = self.network.unexplained or self.left_out.get(IDC)
        if reason is not None:
            return None, f"{BY_SEPARATION}: {reason}"
        method, seed = self.choice.attribution, self.seed
        drawn = draw_inputs(self.members, self.choice.importance_records, seed, "importance")
        step = AttributeNeurons(
            self.network, drawn, AttributionOptions(seed=attribution_seed(seed))
        )
        try:
            table = attribute_neurons(self.study, step, (method,))[method]
        except NotAttributable as error:
            return None, f"{BY_SEPARATION}: {error}"
        ranking = Ranking.of(table)
        mismatch = feature_mismatch(self.layers, ranking.scores)
        if mismatch:
            return None, f"{BY_SEPARATION}: {mismatch}"
        return self._attributed(ranking, method)

    def _attributed(self, ranking: Ranking, method: str) -> tuple[Ranking | None, str]:
        """Return a ranking and its source, unless it ranks none of the hidden layers."""
        hidden = [name for name in self.layers.names if name != ranking.classifier]
        without = [name for name in hidden if name not in ranking.scores]
        if hidden and len(without) == len(hidden):
            besides = " besides the classifier" if ranking.classifier in self.layers.names else ""
            return None, (
                f"{BY_SEPARATION}: {method} is about {ATTRIBUTABLE}, and none is observed"
                f"{besides}{_shown(hidden)}"
            )
        if without:
            return ranking, f"{method}, which is about {ATTRIBUTABLE}, without{_shown(without)}"
        return ranking, method

    def votes(self, m: int) -> tuple[FloatArray | None, NeuronChoice]:
        """Return the votes of the observed neurons, and their source or why there are none."""
        by_layer: Mapping[str, FloatArray]
        if self.tables.votes is not None:
            by_layer = read_votes(self.tables.votes)
            votes = scores_among(self.layers, by_layer, str(self.tables.votes), 0.0)
            return votes, NeuronChoice(source=self.tables.votes.name)
        if self.network is None or self.members is None:
            reason = "votes need the network, or a table of them: --votes"
            return None, NeuronChoice(missing=reason)
        unexplained = self.network.unexplained or self.left_out.get(WISDOM)
        if unexplained is not None:
            return None, NeuronChoice(missing=unexplained)
        methods, dropped = self._voters()
        if not methods:
            return None, NeuronChoice(missing=dropped)
        among, no_layers = _voted_layers(self.layers, self.network.model, self.members)
        if no_layers is not None:
            return None, NeuronChoice(missing=no_layers)
        drawn = draw_inputs(self.members, self.choice.vote_records, self.seed, "votes")
        voting = VotingOptions(m=m, seed=attribution_seed(self.seed), among=among)
        step = CastVotes(self.network, drawn, methods, voting)
        try:
            by_layer, vote = step.votes(self.study)
        except NotAttributable as error:
            return None, NeuronChoice(missing=str(error))
        mismatch = feature_mismatch(self.layers, by_layer)
        if mismatch:
            return None, NeuronChoice(missing=mismatch)
        source = f"vote inside{_shown(among)}" if among else "vote"
        source = f"{source} {dropped}".strip()
        votes = scores_among(self.layers, by_layer, "the vote", 0.0)
        return votes, NeuronChoice(source=source, **vars(vote))

    def _voters(self) -> tuple[tuple[str, ...], str]:
        """Return the attributions that vote, and which do not and why."""
        named = tuple(self.choice.vote_attributions)
        assert self.network is not None
        if self.network.has_baseline:
            return named, ""
        kept = tuple(name for name in named if not ATTRIBUTORS.get(name).from_baseline)
        dropped = ", ".join(name for name in named if name not in kept)
        why = f"without {dropped}, as inputs of whole numbers have no baseline" if dropped else ""
        return kept, why

    def _scored_by(self) -> str:
        table = self.tables.importance
        return "the attribution" if table is None else str(table)


def check_choice(choice: ImportanceChoice) -> None:
    """Refuse attributions that do not exist before other work begins.

    Raises:
        ImprintError: one of them.
    """
    check_attributions((choice.attribution,), "--attribution")
    check_attributions(choice.vote_attributions, "--vote-attributions")


def check_tables(tables: TablesChoice) -> None:
    """Refuse tables that cannot be read before other work begins, but for those of one layer.

    Raises:
        ImprintError: one of them.
    """
    if tables.importance is not None and tables.importance.suffix != ".json":
        read_ranking(tables.importance, ())
    if tables.votes is not None:
        read_votes(tables.votes)


def _voted_layers(
    layers: Layers, model: Classifier, inputs: Inputs
) -> tuple[tuple[str, ...], str | None]:
    """Return the layers whose neurons are voted on, empty for all hidden ones; or why none is.

    The vote stays inside the observed layers; the classifier is among them only where it is the
    only one.
    """
    voted = attributable_layers(model, inputs)
    inside = tuple(name for name in layers.names if name in voted)
    if not inside:
        return (), f"votes are about {ATTRIBUTABLE}, and none is observed{_shown(layers.names)}"
    among = tuple(name for name in inside if name != voted[-1]) or inside
    return () if set(among) == set(voted[:-1]) else among, None


def _shown(names: Sequence[str]) -> str:
    """Return the first names in brackets."""
    more = ", …" if len(names) > MAX_SHOWN_NAMES else ""
    return f" ({', '.join(names[:MAX_SHOWN_NAMES])}{more})"


def feature_mismatch(layers: Layers, scores: Mapping[str, FloatArray]) -> str | None:
    """Return why scores of whole features do not rank the neurons; None where they do."""
    for name, part in layers.slices.items():
        width = part.stop - part.start
        if name in scores and len(scores[name]) != width:
            return (
                f"attribution scores {len(scores[name])} features of layer {name}, and {width} "
                "neurons are observed: take the mean of tokens or steps for it"
            )
    return None
