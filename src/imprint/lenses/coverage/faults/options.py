"""Options of ``coverage fuzz``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds
from imprint.lenses.coverage.options import (
    ImportanceChoice,
    MembersChoice,
    Records,
    TablesChoice,
)
from imprint.study.option_types import Names, Parameters

DEFAULT_MUTATIONS = (
    *("shift", "rotate", "scale", "shear"),
    *("brightness", "contrast", "blur", "noise"),
)


@dataclass(frozen=True, kw_only=True)
class FuzzOptions(TablesChoice, ImportanceChoice, MembersChoice):
    """Mutate images until a classifier errs, guided by coverage."""

    seeds: Path | None = None
    """Images to mutate, of the classes of the network; those it misclassifies are left out."""
    seeds_part: str = ""
    """Which part of the seeds' folder."""
    seed_records: Records = 1000
    """Maximum number of seeds, drawn at random; 0 for all."""
    criterion: str = "nc"
    """Criterion that guides the search, see imprint list criteria, or a control: random mutates
    every mutant further, none only seeds. Some read --members."""
    param: Parameters = ()
    """Settings of the criterion, such as nc.threshold=0.5."""
    start: Literal["seeds", "members"] = "seeds"
    """What counts as covered from the start: what the seeds cover, or also the training images."""
    budget: Annotated[int, Bounds(least=1, most=10**7)] = 10_000
    """Mutants that the network classifies: forward passes of the search."""
    mutations: Names = DEFAULT_MUTATIONS
    """Mutations to draw from; see imprint list mutations. Add flip where classes do not change
    in a mirror."""
    diffusion: Path | None = None
    """A folder with a diffusion model of such images, a pipeline of diffusers saved as safetensors
    (UNet2DModel; extra diffusion): one mutation more, noise that the model then removes."""
    diffusion_strength: Annotated[float, Bounds(above=0, most=1)] = 0.1
    """Largest noise of it, as a share of the steps of the model."""
    strength: Annotated[float, Bounds(above=0, most=4)] = 1.0
    """Factor of the largest amount of every mutation."""
    depth: Annotated[int, Bounds(least=1, most=64)] = 8
    """Mutations of one input at most, of which one is geometric."""
    max_share: Annotated[float, Bounds(least=0, most=1)] = 0.2
    """Share of the values of an image, of those that are not 0, that may change at will."""
    max_change: Annotated[float, Bounds(least=0, most=1)] = 0.4
    """Largest change of any value where more of them change, as a share of the range; both are
    counted after the geometric mutation."""
    judge: Path | None = None
    """An independent network of the same classes, weights with their card beside them: a fault
    counts only where it names the class of the seed."""
    against: Path | None = None
    """A second network: in place of wrong classes, disagreements with it are faults."""
    int8: Literal["none", "dynamic", "x86", "qnnpack"] = "none"
    """Disagreements of the network with itself in int8 are faults: weights alone (dynamic), or
    activations too, as on servers (x86) or phones (qnnpack)."""
    minimise: Annotated[int, Bounds(least=0)] = 100
    """Unique faults to minimise at most: fewer and smaller mutations that still make the fault;
    these forward passes come on top of the budget."""
    quality: Path | None = None
    """A network, weights with their card beside them, on whose features the Fréchet distance (FID)
    of unique faults from the seeds is measured, and by whose classes the inception score."""
    export_legacy: bool = False
    """Also write the published table, fuzzing_legacy/fuzz_results_DATASET_MODEL_Normal.csv, or
    GenAI with --diffusion."""
    round_size: Annotated[int, Bounds(least=1, most=65_536)] = 256
    """Mutants that are classified together, before coverage says which are mutated further."""
    parents: Annotated[int, Bounds(least=1, most=65_536)] = 32
    """Images that are mutated in a round."""
