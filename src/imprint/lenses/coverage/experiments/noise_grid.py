"""What noisy copies add by share of noisy pixels and deviation of the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imprint.lenses.coverage.experiments.noise_gains import MeasureNoise
from imprint.lenses.coverage.experiments.sensitivity_findings import NoiseCell, Sensitivity
from imprint.study.finding import read_finding
from imprint.study.store import Study


def measure_grid(
    study: Study, step: MeasureNoise, shares: Sequence[float], deviations: Sequence[float]
) -> tuple[NoiseCell, ...]:
    """Return what noise adds for each share and deviation, measured unless it is there.

    Args:
        study: of the step, which has run.
        step: of the share and deviation that the rest of the page is about.
        shares: of the pixels of an image; empty for that of the step.
        deviations: of the noise, likewise.

    Returns:
        one for each pair; none where both are empty.
    """
    if not shares and not deviations:
        return ()
    pairs = [
        (share, deviation)
        for share in sorted(set(shares)) or [step.pixel_share]
        for deviation in sorted(set(deviations)) or [step.deviation]
    ]
    return tuple(_measured(study, step, *pair) for pair in pairs)


def _measured(study: Study, step: MeasureNoise, share: float, deviation: float) -> NoiseCell:
    if (share, deviation) != (step.pixel_share, step.deviation):
        place = f"sensitivity_grid/{share!r}_{deviation!r}"
        step = replace(step, pixel_share=share, deviation=deviation, place=place)
    found = read_finding(Sensitivity, study.run(step) / "findings.json")
    shares = {name: each.share_of_both for name, each in found.measured.items()}
    return NoiseCell(
        pixel_share=share,
        budget=found.budget,
        deviation=deviation,
        accuracy=found.accuracy,
        criteria={name: value for name, value in shares.items() if value is not None},
    )
