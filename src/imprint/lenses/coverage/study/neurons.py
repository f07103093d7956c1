"""The neurons of IDC and WISDOM: from the network, from tables that are there, or from neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.seeds import generator
from imprint.data.imageset import ImageSet
from imprint.lenses.coverage.importance.importance_files import read_votes
from imprint.lenses.coverage.importance.voting import VotingOptions
from imprint.lenses.coverage.study.importance import (
    NO_LOGITS,
    NotAttributable,
    attribution_seed,
    check_methods,
    check_records,
    importance_step,
    leading_neurons,
    scores_among,
    votes_step,
)
from imprint.lenses.coverage.study.options import ImportanceChoice, TablesChoice
from imprint.lenses.coverage.study.ranking import Ranking, read_ranking
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import Layers
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.importance import attributable_layers
from imprint.study.store import Study

IDC, WISDOM = "idc", "wisdom"
ATTRIBUTABLE = "linear and convolutional layers"
SHOWN_NAMES = 3


@dataclass(frozen=True, eq=False)
class Network:
    """A network, and the images it may be asked about.

    Attributes:
        model: the network itself.
        weights: their hash.
        images: where pixels and classes come from.
        train: int64, images it was trained on.
        device: where to compute.
        centre_fraction: share of the shorter side that the centre square keeps.
    """

    model: ImageModel
    weights: str
    images: ImageSet
    train: IntArray
    device: torch.device
    centre_fraction: float = 1.0

    def some(self, count: int, seed: int, purpose: str) -> IntArray:
        """Return training images in a random order, at most ``count``; all for 0."""
        order = generator(seed, f"coverage {purpose}").permutation(self.train)
        return order[:count] if count else order


def with_neurons(
    study: Study,
    settings: Mapping[str, Any],
    layers: Layers,
    network: Network | None,
    choice: ImportanceChoice,
    tables: TablesChoice,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of criteria with the neurons of IDC and the votes of WISDOM filled in.

    Args:
        study: gets ``importance`` and ``wisdom`` where the network is asked.
        settings: of each criterion by its name; what they name already stays.
        layers: that are looked at.
        network: to ask; None where there is none.
        choice: how it is asked.
        tables: that are there already, and go first.
        seed: of the study.

    Returns:
        The settings, and what is told of the neurons: ``idc`` and ``wisdom``.
    """
    check_choice(choice)
    filled = dict(settings)
    told: dict[str, dict[str, Any]] = {}
    if IDC in filled and filled[IDC].neurons is None:
        ranking, source = _importance(study, layers, network, choice, tables, seed)
        told[IDC] = {"source": source}
        if ranking is not None:
            scores = scores_among(layers, ranking.scores, _named(tables))
            chosen = leading_neurons(layers, scores, filled[IDC].m, ranking.answer)
            told[IDC]["without_score"] = chosen.missing
            filled[IDC] = replace(filled[IDC], neurons=tuple(chosen.neurons.tolist()))
    if WISDOM in filled and filled[WISDOM].votes is None:
        votes, findings = _votes(study, layers, network, choice, tables, filled[WISDOM].m, seed)
        if votes is not None:
            filled[WISDOM] = replace(filled[WISDOM], votes=tuple(votes.tolist()))
        told[WISDOM] = findings
    return filled, told


def idc_scores(
    study: Study,
    layers: Layers,
    network: Network | None,
    choice: ImportanceChoice,
    tables: TablesChoice,
    seed: int,
) -> tuple[FloatArray | None, str | None]:
    """Return the importance of the neurons that are looked at, and the last layer of the network.

    None each where only activations are known. Arguments as :func:`with_neurons`.
    """
    ranking, _ = _importance(study, layers, network, choice, tables, seed)
    if ranking is None:
        return None, None
    return scores_among(layers, ranking.scores, _named(tables)), ranking.answer


def check_choice(choice: ImportanceChoice) -> None:
    """Tell mistakes in the choice before other work begins.

    Raises:
        ImprintError: an attribution that does not exist, or fewer than no images.
    """
    check_methods((choice.attribution,), "--attribution")
    check_methods(choice.vote_methods, "--vote-methods")
    check_records(choice.importance_records, "--importance-records")
    check_records(choice.vote_records, "--vote-records")


def check_tables(tables: TablesChoice) -> None:
    """Tell tables that cannot be read before other work begins, but for those of one layer.

    Raises:
        ImprintError: one of them.
    """
    if tables.importance is not None and tables.importance.suffix != ".json":
        read_ranking(tables.importance, ())
    if tables.votes is not None:
        read_votes(tables.votes)


def _named(tables: TablesChoice) -> str:
    return "the attribution" if tables.importance is None else str(tables.importance)


def _importance(
    study: Study,
    layers: Layers,
    network: Network | None,
    choice: ImportanceChoice,
    tables: TablesChoice,
    seed: int,
) -> tuple[Ranking | None, str]:
    if tables.importance is not None:
        ranking = read_ranking(tables.importance, layers.names)
        return ranking, ranking.source
    if network is None:
        return None, "separation of classes"
    if not network.model.has_logits:
        return None, f"separation of classes: {NO_LOGITS}"
    options = AttributionOptions(seed=attribution_seed(seed))
    method = choice.attribution
    try:
        table = importance_step(
            study,
            network.model,
            network.weights,
            network.images,
            network.some(choice.importance_records, seed, "importance"),
            (method,),
            options,
            network.device,
            centre_fraction=network.centre_fraction,
        )[method]
    except NotAttributable as error:
        return None, f"separation of classes: {error}"
    ranking = Ranking.of(table)
    divided = _divided(layers, ranking.scores)
    if divided:
        return None, f"separation of classes: {divided}"
    hidden = [name for name in layers.names if name != ranking.answer]
    without = [name for name in hidden if name not in ranking.scores]
    if hidden and len(without) == len(hidden):
        besides = " besides the classifier" if ranking.answer in layers.names else ""
        return None, (
            f"separation of classes: {method} is about {ATTRIBUTABLE}, and none is looked at"
            f"{besides}{_shown(hidden)}"
        )
    if without:
        return ranking, f"{method}, which is about {ATTRIBUTABLE}, without{_shown(without)}"
    return ranking, method


def _votes(
    study: Study,
    layers: Layers,
    network: Network | None,
    choice: ImportanceChoice,
    tables: TablesChoice,
    m: int,
    seed: int,
) -> tuple[np.ndarray[Any, np.dtype[np.float64]] | None, dict[str, Any]]:
    if tables.votes is not None:
        found = read_votes(tables.votes)
        return scores_among(layers, found, str(tables.votes), 0.0), {"source": tables.votes.name}
    if network is None:
        return None, {"missing": "votes need the network, or a table of them: --votes"}
    if not network.model.has_logits:
        return None, {"missing": NO_LOGITS}
    among, reason = _voted_layers(layers, network.model)
    if reason is not None:
        return None, {"missing": reason}
    try:
        found, facts = votes_step(
            study,
            network.model,
            network.weights,
            network.images,
            network.some(choice.vote_records, seed, "votes"),
            choice.vote_methods,
            VotingOptions(m=m, seed=attribution_seed(seed), among=among),
            network.device,
            centre_fraction=network.centre_fraction,
        )
    except NotAttributable as error:
        return None, {"missing": str(error)}
    divided = _divided(layers, found)
    if divided:
        return None, {"missing": divided}
    source = f"vote inside{_shown(among)}" if among else "vote"
    return scores_among(layers, found, "the vote", 0.0), {"source": source, **facts}


def _voted_layers(layers: Layers, model: ImageModel) -> tuple[tuple[str, ...], str | None]:
    """Return the layers whose neurons are voted on, empty for all hidden ones; or why none is.

    The vote stays inside the layers that are looked at; the classifier is among them only where it
    is the only one.
    """
    voted = attributable_layers(model)
    inside = tuple(name for name in layers.names if name in voted)
    if not inside:
        return (), f"votes are about {ATTRIBUTABLE}, and none is looked at{_shown(layers.names)}"
    among = tuple(name for name in inside if name != voted[-1]) or inside
    return () if set(among) == set(voted[:-1]) else among, None


def _shown(names: Sequence[str]) -> str:
    """Return some names in brackets."""
    return f" ({', '.join(names[:SHOWN_NAMES])}{', …' if len(names) > SHOWN_NAMES else ''})"


def _divided(layers: Layers, scores: Mapping[str, FloatArray]) -> str | None:
    """Return why scores of whole features are none of the neurons; None where they are."""
    for name, part in layers.slices.items():
        width = part.stop - part.start
        if name in scores and len(scores[name]) != width:
            return (
                f"attribution tells {len(scores[name])} features of layer {name} apart, and "
                f"{width} neurons are looked at: take the mean of tokens or steps for it"
            )
    return None
