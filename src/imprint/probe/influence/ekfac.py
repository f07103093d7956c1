"""Influence functions with eigenvalue-corrected Kronecker factors (EK-FAC).

Layer by layer, with A = E[aaᵀ] = U_A Λ U_Aᵀ and D = E[δδᵀ] = U_D Λ' U_Dᵀ over records and places,
the curvature is taken as diagonal in the basis U_D ⊗ U_A with the second moments that gradients
have there, λ_jk = E[(U_Dᵀ G U_A)²_jk]. δ are the rows of S^½J, so expectations over labels under
the model are exact and not sampled, up to 16 outputs. Parameters of other layers than linear ones
and convolutions (normalisations, embeddings, parameters of their own) keep their own axes.

George, Laurent, Bouthillier, Ballas, Vincent 2018, "Fast Approximate Natural Gradient Descent in a
Kronecker-factored Eigenbasis"; Grosse and Martens 2016, "A Kronecker-factored approximate Fisher
matrix for convolution layers"; Grosse et al. 2023, "Studying Large Language Model Generalization
with Influence Functions", equation 20.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imprint.probe.influence_kit.curvature_rows import curvature_passes
from imprint.probe.influence_kit.layer_calls import places_of
from imprint.probe.influence_kit.layer_gradients import Gradients
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.record_gradients import RecordGradients, pair_products


@influence("ekfac")
def ekfac(trained: Trained) -> Attribution:
    """Return the influences; each layer adds its own."""
    source = RecordGradients(trained)
    bases = kronecker_bases(trained, source)
    moments = second_moments(trained, source, bases)
    inverses = [1 / (each + trained.damping) for each in moments]

    def right(gradients: Gradients) -> Gradients:
        turned = rotated(gradients, bases)
        return tuple(layer.scaled(inverse) for layer, inverse in zip(turned, inverses, strict=True))

    table, own = pair_products(trained, source, lambda each: rotated(each, bases), right)
    count = len(trained.labels)
    facts = {"parameters": source.parameters}
    return Attribution(table / count, own / count, facts=facts)


@dataclass(frozen=True, eq=False)
class Basis:
    """The eigenvectors of D and A of one layer, as columns."""

    left: Tensor
    right: Tensor


def kronecker_bases(trained: Trained, source: RecordGradients) -> list[Basis | None]:
    """Return a basis for each entry of the gradients; None where it keeps its own axes."""
    sums: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    for calls, _ in curvature_passes(trained, source):
        for layer, made in calls.items():
            for call in made:
                places = places_of(call)
                if places is None:
                    continue
                a, slopes = places.inputs.flatten(0, 1), places.slopes.flatten(0, 1)
                parts = (slopes.T @ slopes, a.T @ a)
                known = sums.get(layer)
                sums[layer] = parts if known is None else (known[0] + parts[0], known[1] + parts[1])
    found = [sums.get(layer) for layer in source.layers]
    bases = [None if each is None else Basis(*map(eigenvectors, each)) for each in found]
    return bases + [None] * bool(source.rest)


def eigenvectors(moments: Tensor) -> Tensor:
    """Return the eigenvectors of a symmetric matrix, as columns."""
    vectors: Tensor = torch.linalg.eigh(moments.double())[1]
    return vectors.to(moments.dtype)


def rotated(gradients: Gradients, bases: list[Basis | None]) -> Gradients:
    """Return the gradients in the bases of their layers."""
    return tuple(
        layer if basis is None else layer.rotated(basis.left, basis.right)
        for layer, basis in zip(gradients, bases, strict=True)
    )


def second_moments(
    trained: Trained, source: RecordGradients, bases: list[Basis | None]
) -> list[Tensor]:
    """Return the mean of the squared curvature rows in the bases, ``[outputs, inputs]`` a layer."""
    totals: list[Tensor] = []
    for _, gradients in curvature_passes(trained, source):
        parts = [layer.second_moments() for layer in rotated(gradients, bases)]
        totals = [a + b for a, b in zip(totals, parts, strict=True)] if totals else parts
    return [total / len(trained.labels) for total in totals]
