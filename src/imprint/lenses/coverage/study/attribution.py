"""Attribution of outputs to neurons: the step, what it refuses, and its seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    write_importance,
)
from imprint.lenses.coverage.study.network import ExplainedNetwork
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import Inputs
from imprint.probe.attribution.importance import attribute_by
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.study.counted import uncounted
from imprint.study.step import Step, card_of
from imprint.study.store import Study


class NotAttributable(ImprintError):
    """A network or images that no attribution can be made of; all else goes on."""


@contextmanager
def refusing_attribution() -> Iterator[None]:
    """Turn errors of an attribution into :class:`NotAttributable`."""
    try:
        yield
    except ImprintError as error:
        raise NotAttributable(str(error)) from error


@dataclass(frozen=True)
class AttributeNeurons(Step):
    """Importance of every neuron by one attribution: ``importance/METHOD.parquet``."""

    network: ExplainedNetwork
    view: Inputs
    options: AttributionOptions
    correct_only: bool = False
    method: str = uncounted(default="")
    table: ImportanceTable | None = uncounted(default=None)

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the table goes."""
        return f"importance/{self.method}.parquet"

    def build(self, path: Path) -> None:
        """Write the table."""
        assert self.table is not None
        write_importance(path, self.table)


def attribute_neurons(
    study: Study, step: AttributeNeurons, methods: Sequence[str]
) -> Mapping[str, ImportanceTable]:
    """Return the importance table of each method; those not done yet share their passes.

    Raises:
        NotAttributable: the network or the images allow no attribution.
    """
    steps = {method: replace(step, method=method) for method in methods}
    absent = [m for m, each in steps.items() if not study.is_done(each.artefact, card_of(each))]
    if absent:
        with refusing_attribution():
            tables = attribute_by(
                step.network.model,
                step.view,
                absent,
                step.options,
                correct_only=step.correct_only,
            )
        steps |= {method: replace(steps[method], table=tables[method]) for method in absent}
    return {method: read_importance(study.run(each)) for method, each in steps.items()}


def check_attributions(names: Sequence[str], flag: str) -> None:
    """Refuse attributions that do not exist before other work begins.

    Raises:
        ImprintError: a name that is unknown, or no name.
    """
    if not names:
        raise ImprintError(f"{flag} is empty: name at least one attribution, such as lrp")
    for name in names:
        ATTRIBUTORS.get(name)


def attribution_seed(seed: int) -> int:
    """Return the seed of everything random in attributions."""
    return derive(seed, "coverage attribution")
