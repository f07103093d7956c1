"""Every option of every command that keeps a study: changed, it is refused, or changes nothing.

A miniature of each command is run once. Then every option of its dataclass, as many as there are,
is changed one at a time and the command run again into the same folder. Either a step refuses,
since its card differs; or what the command returns and writes is what it would be in a new
folder. So an option that a step uses and its card does not hold fails here, whoever adds it.
"""

import dataclasses
import json
import shutil
import sys
import typing
from types import SimpleNamespace, UnionType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from imprint.cli import main
from imprint.core import user_code
from imprint.core.errors import ImprintError
from imprint.data.sources.composite import composite
from imprint.data.split import partition_images, save_partition
from imprint.launch.options import ManyTasks
from imprint.lenses.reconstruct.study.sample_file import write_samples
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model
from imprint.study.command import COMMANDS
from imprint.study.config import parse
from imprint.study.finding import to_json
from imprint.study.options import Common
from tests.lenses.coverage.detection.tiny_detectors import save_detector, save_images, tiny_yolos

REFUSED = ("was made with other settings", "was made for other images")
CARD = ModelCard("mlp", 3, 10, 8, (0.5,), (0.25,), {"widths": "16"})


def _run(options):
    """Run a command; one option, --run, has the name of the method."""
    return type(options).run(options)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder of two sets of images, two networks, a split and arrays of numbers."""
    root = tmp_path_factory.mktemp("place")
    for seed, name in enumerate(("seen", "unseen", "third")):
        images = composite(40, 0.0, seed)
        whole = {"images": images.pixels[:, :, ::4, ::4], "labels": images.labels}
        np.savez(root / f"{name}.npz", classes=list(images.classes), **whole)
    for seed in (0, 1):
        save_model(root / f"{seed}.safetensors", initial_model(CARD, seed), CARD)
    images = composite(120)
    partitions = partition_images(images, images.boxes(), sizes=(2, 3))
    save_partition(root / "split", partitions, images.fingerprint())
    for name, rows in {
        "rows": range(60),
        "fewer": range(50),
        "others": range(60, 120),
        "order": range(120),
    }.items():
        np.save(root / f"{name}.npy", np.array(rows))
    (root / "card.json").write_text(json.dumps({**CARD.to_json(), "mean": [0.4]}))
    random = np.random.default_rng(0)
    for name in ("xy", "xy2"):
        x = random.normal(size=(24, 3))
        np.savez(root / f"{name}.npz", x=x, y=np.arange(24) % 2)
        np.savez(root / f"{name}-queries.npz", queries=x[:3])
        layers = {f"{part}/{layer}": x for part in ("train", "test") for layer in ("a", "b")}
        labels = {f"{part}_labels": np.arange(24) % 2 for part in ("train", "test")}
        np.savez(root / f"{name}-activations.npz", **layers, **labels)
        fit = ["leave-one-out", "fit", "--arrays", str(root / f"{name}.npz")]
        main([*fit, "--out", str(root / f"fit-{name}")])
        main([*fit, "--method", "hybrid", "--out", str(root / f"large-{name}")])
    for number in ("", "2"):
        pictures = random.normal(size=(24, 1, 4, 4))
        labels = np.arange(24) % 2
        further = {"queries": pictures[:3], "query_labels": labels[:3]}
        np.savez(root / f"pictures{number}.npz", x=pictures, y=labels, **further)
        np.savez(root / f"influence{number}.npz", influence=random.normal(size=(24, 3)))
        members = random.integers(0, 2, size=(12, 24))
        outputs = random.normal(size=(12, 3, 2))
        models = {"outputs": outputs, "members": members, "query_labels": labels[:3]}
        np.savez(root / f"models{number}.npz", **models)
    for number, criteria in enumerate(("nc,kmnc", "nc,nbc")):
        words = f"--model {root}/0.safetensors --members {root}/seen.npz --criteria {criteria}"
        main(["coverage", "fit", *words.split(), "--out", str(root / f"fit-{number}")])
        words = f"--model {root}/0.safetensors --members {root}/seen.npz --seed {number}"
        words += " --attributions la,lrp --batch-size 8 --selector model"
        main(["coverage", "wisdom", *words.split(), "--out", str(root / f"wisdom-{number}")])
    (root / "tags.csv").write_text("image,tag\n" + "composite[0],sky\ncomposite[1],sea\n" * 2)
    score = "LayerName,NeuronIndex,Score\n" + "".join(
        f"hidden.0,{neuron},{neuron}\n" for neuron in range(16)
    )
    for name in ("importance", "votes"):
        (root / f"{name}.csv").write_text(score)
    return root


SMALL = "--composite-count 120 --device cpu "
TINY = (
    "--train.architecture mlp --train.architecture-options widths=8 --train.input-size 8 "
    "--train.epochs 2 --train.batch-size 16 "
)
ENCODER = TINY + "--train.projector 8-4 --train.warmup-epochs 1 --train.snapshot-every 0 "
COHORT = TINY + "--train.engine sequential "
TRAINED = "--model {place}/0.safetensors --members {place}/seen.npz --device cpu "
TESTED = TRAINED + "--tests {place}/unseen.npz "
NETWORKS = (
    SMALL + "--classes 2 --depth 1 --records 16 --queries 3 --removed 3 --pairs 8 --subsets 2 "
    "--subset-networks 2 --input-size 4 --train.width 8 --train.epochs 2 --train.batch-size 8 "
)
STUDY = (
    SMALL
    + "--models 5 --curvature-probes 1 --attacks lira_shrunk,curvature_lr,attack_p,loss "
    + COHORT
)
ONE_MODEL = (
    SMALL + "--model {place}/0.safetensors --k 5 --folds 2 --layer backbone "
    "--classifier.epochs 1 --classifier.warmup-epochs 0 --classifier.architecture mlp "
    "--classifier.input-size 8 --classifier.architecture-options widths=8 --classifier-steps 1 "
)
RECONSTRUCTION = (
    SMALL + "--conditioning backbone --train.steps 1 --train.batch-size 4 --train.unet.patch 2 "
    "--train.unet.image-size 16 --train.unet.width 8 --train.unet.multipliers 1,1 "
    "--train.unet.attention 4 --train.diffusion.diffusion-steps 4 "
)
SAMPLED = ("reconstruct sample", "reconstruct interpolate", "reconstruct manipulate")
AUDITED = (
    "--members {place}/seen.npz --non-members {place}/unseen.npz --device cpu --curvature-probes 1 "
)


@dataclasses.dataclass(frozen=True)
class Case:
    """One miniature.

    Attributes:
        command: of the command line.
        words: its options; {place} is the folder of files.
        values: other values of options, by name, where the type names none that will do.
        fixed: options that cannot be changed in this miniature; with a dot at the end, a group.
    """

    command: str
    words: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    fixed: tuple[str, ...] = ()


BOXES = ("boxes", "on_bad_box", "box_ends", "box_margin")
OF_IMAGE_NETWORKS = (
    *("arrays", "channels", "train.architecture", "train.architecture_options"),
    *("train.momentum", "train.weight_decay"),
)
"""Refused by fully connected networks, or of arrays alone."""
IGNORED_WITH_GIVEN_MODELS = (
    *("arrays", "channels", "match_to", "classes", "records", "queries", "removed", "pairs"),
    *("subsets", "subset_networks", "scaling", "input_size", "lines", "half_length"),
    *("steps_per_side", "noise", "kernel", "activation", "depth", "w_std", "b_std"),
    *("kernel_options", "train.", "estimators", "damping", "composite_count"),
    "background_correlation",
)
IMAGES = ("data", "layout", "part", "skip_corrupt", "public_part", "public_layout", *BOXES)
"""Known by the fingerprint of the images, whichever options say where they are and how to read
them: tests/test_stale_data.py."""
OF_OBJECTS = ("crop_objects", "crop_object_score", "visible_objects")
"""Of files about the crops: tests/lenses/dejavu/study/test_doubts.py."""
DUPLICATE_METHODS = {"duplicate_search.methods": ("hash",)}
OUTSIDE = ("out", "device", "json", "stamp", "trust_code")
WHERE = tuple(field.name for field in dataclasses.fields(ManyTasks))
"""Where tasks run: tests/launch, which compares bytes."""
REFUSED_EARLY = ("noise_by", "noise_scale", "target_scaling", "targets")
"""Refused beside a noise variance that is named, beside classes and of images."""
"""No setting of any result."""
KEYS = ("key_prefix", "key_map", "output")
"""Names of tensors and outputs, which fit one network alone."""
OTHERS = {
    "activation": "erf",
    "architecture_options": (("widths", "4"),),
    "attacks": ("loss", "curvature_lr"),
    "attribution": "la",
    "attributions": ("la", "lrp"),
    "augmentations": ("identity", "flip"),
    "blur_kernel": (9, 7),
    "budget": (0.2, 0.2),
    "card": "card.json",
    "criteria": ("nc",),
    "drops": (0.4, 0.6, 0.8),
    "engine": "auto",
    "epsilons": (2.0,),
    "estimators": ("nearest",),
    "exclude_layers": ("hidden.0",),
    "feature_encoder": "1.safetensors",
    "importance": "importance.csv",
    "indices": "fewer.npy",
    "kernel": "rbf",
    "kernel_options": (("limit", "ntk"),),
    "label_only": 0,
    "layer_index": (0,),
    "layers": ("hidden.0",),
    "match_to": "gelu",
    "max_resolution": 16,
    "mean": (0.3,),
    "members": "third.npz",
    "methods": ("la", "lrp"),
    "model": "1.safetensors",
    "non_members": "third.npz",
    "noise": (0.07,),
    "objective": "simclr",
    "objective_options": (("invariance", "5"),),
    "per": ("class",),
    "projector": "8-2",
    "public": "third.npz",
    "records": 20,
    "references": ("linear_head",),
    "removed_index": (1, 3),
    "scale": (0.1, 1.0),
    "std": (0.4,),
    "subject": "1.safetensors",
    "tags": "tags.csv",
    "tests": "third.npz",
    "train": "third.npz",
    "vary": (("metric", "l2:cosine"),),
    "vote_attributions": ("la", "lrp"),
    "votes": "votes.csv",
}
"""Values for options whose type names none, such as paths and names of methods."""
PARAMS = {
    "coverage": ((("nc.threshold", "0.7"),),),
    "membership": ((("rmia.gamma", "3"),),),
}
"""Values for --param, by the first word of the command."""
OF_IMAGES = (
    *("composite_count", "background_correlation", "scaling", "input_size", "channels"),
    "own_statistics",
)
COMPOSED = {"classes": ("1", "0"), "removed_kind": "noise"}
OF_QUERIES = ("tolerance", "passes", "measures", "values")
OF_LARGE = ("memory", "landmarks", "probes", "keep_factor", *OF_QUERIES)
PARTS = ("members_part", "tests_part", "output")
LAYERS = (
    *("layers", "exclude_layers", "layer_index", "third", "final", "tokens", "steps"),
    *("step_limit", "neuron_values"),
)
OF_NETWORKS = (
    *("model", "card", "mean", "std", "members", "tests", "centre_fraction", *LAYERS),
    *("member_records", "test_records", "storage"),
)
TABLES = ("importance", "votes")
BOTH = ("members_part", "non_members_part", "output", "label_only", "scorer", "groups")
BRITTLE = "--brittleness.removed 1 --brittleness.queries 2"
CASES = {
    "split": Case("data split", SMALL + "--per-class 2"),
    "pack": Case("data pack", SMALL),
    "crops": Case("data crops", SMALL + "--size 8"),
    "corner crops": Case("data crops", SMALL + "--crop corner --size 8"),
    "train": Case(
        "train",
        SMALL + ENCODER + "--members {place}/rows.npy",
        values={"members": "fewer.npy", "non_members": "others.npy"},
        fixed=("train.architecture", "train.resolution.start_epoch"),
    ),
    "two-model": Case(
        "dejavu two-model",
        SMALL + "--model-a {place}/0.safetensors --model-b {place}/1.safetensors --k 5 "
        "--split {place}/split --per-class 2 --layer backbone",
        values={
            "model_a": "1.safetensors",
            "model_b": "0.safetensors",
            "layer": "logits",
            **DUPLICATE_METHODS,
        },
        fixed=("split", "decision", *OF_OBJECTS),
    ),
    "one model of a split": Case(
        "dejavu one-model",
        ONE_MODEL + "--split {place}/split --per-class 2 --trained-on A "
        "--references naive_bayes,linear_head",
        values={"layer": "logits", "exclude_images": "rows.npy", "trained_on": "B"},
        fixed=(
            *("split", "decision", "arrays", "members", "non_members", "classifier."),
            *(*OF_OBJECTS, "duplicate_search."),
        ),
    ),
    "one model of a list": Case(
        "dejavu one-model",
        ONE_MODEL + "--members {place}/rows.npy --references crop_classifier",
        values={
            "layer": "logits",
            "exclude_images": "rows.npy",
            "members": "fewer.npy",
            "non_members": "others.npy",
        },
        fixed=(
            "split",
            "decision",
            "arrays",
            *OF_OBJECTS,
            "duplicate_search.",
            "trained_on",
            "classifier.architecture",
            "classifier.objective",
            "classifier.resolution.start_epoch",
        ),
    ),
    "probed depths": Case(
        "dejavu linear-probe",
        SMALL + "--model {place}/0.safetensors --members {place}/rows.npy "
        "--non-members {place}/others.npy --depths all --k 5 --probe.epochs 1",
        values={"members": "fewer.npy"},
        fixed=("depths", "non_members"),
    ),
    "train a diffusion model": Case(
        "reconstruct train",
        RECONSTRUCTION + "--encoder {place}/0.safetensors",
        values={
            "encoder": "1.safetensors",
            "conditioning": "backbone",
            "train.unet.image_size": 32,
            "train.unet.patch": 1,
            "train.unet.width": 16,
            "train.unet.multipliers": (1.0, 2.0),
            "train.unet.attention": (8.0,),
        },
        fixed=("conditioning",),
    ),
    "sample": Case(
        "reconstruct sample",
        SMALL + "--run {place}/recall-0 --indices {place}/fewer.npy --samples 1 --sampling-steps 2",
        values={"run": "recall-1", "indices": "rows.npy", "sampling_steps": 3},
    ),
    "interpolate": Case(
        "reconstruct interpolate",
        "--run {place}/recall-0 --first {place}/0.png --second {place}/1.png --samples 1 "
        "--sampling-steps 2 --device cpu",
        values={"run": "recall-1", "first": "2.png", "second": "2.png", "sampling_steps": 3},
    ),
    "manipulate": Case(
        "reconstruct manipulate",
        "--run {place}/recall-0 --image {place}/0.png --target {place}/1.png --samples 1 "
        "--neighbours {place}/seen.npz --sampling-steps 2 --device cpu",
        values={
            "run": "recall-1",
            "image": "2.png",
            "target": "2.png",
            "neighbours": "unseen.npz",
            "sampling_steps": 3,
        },
    ),
    "reconstruct a pair": Case(
        "dejavu reconstruct",
        "--study {place}/pair --run-a {place}/pair-a --run-b {place}/pair-b --recipe crop "
        "--images 8 --samples 1 --sampling-steps 2 --device cpu",
        values={"sampling_steps": 3, "guidance": 2.0},
        fixed=("study", "run_a", "run_b", "recipe", "classifier"),
    ),
    "evaluate samples": Case(
        "reconstruct evaluate",
        SMALL + "--samples {place}/samples-0 --reference {place}/samples-1 --leak "
        "{place}/samples-2,{place}/samples-3 --classifier {place}/0.safetensors",
        values={
            "samples": "samples-1",
            "reference": "samples-0",
            "classifier": "1.safetensors",
            "features": "1.safetensors",
            "real": "rows.npy",
        },
        fixed=("leak",),
    ),
    "clouds": Case("data clouds", SMALL + "--tags {place}/tags.csv --clouds 1"),
    "sweep": Case(
        "dejavu sweep",
        SMALL + ENCODER + "--per-class 2 --k 5 --probe.epochs 1 --vary layer=backbone:projector",
        fixed=("decision", "train.architecture", "train.resolution.start_epoch"),
    ),
    "audit of weights": Case(
        "membership audit",
        AUDITED + "--model {place}/0.safetensors --shadows 4 " + COHORT,
        values={"shadows": 6},
        fixed=(*BOTH, "train.architecture"),
    ),
    "audit of answers": Case(
        "membership audit",
        AUDITED + "--scorer of_the_user:make",
        fixed=(*BOTH, "model", "card", "mean", "std", "shadows", "white_box", "train."),
    ),
    "cohort": Case(
        "membership cohort",
        SMALL + "--models 6 --curvature-probes 1 --attacks loss,lira_shrunk,curvature_lr " + COHORT,
        values={"records": 60},
        fixed=("train.architecture",),
    ),
    "study of models": Case(
        "membership study",
        "--over models " + STUDY,
        values={"records": 60, "values": (2.0,)},
        fixed=("over", "masks", "order", "train.architecture"),
    ),
    "study of curvature": Case(
        "membership study",
        "--over curvature --values 0.001 --curvature-probe-counts 1 " + STUDY,
        values={"records": 60, "values": (0.01,), "attacks": ("curvature_lr",)},
        fixed=("over", "masks", "order", "train.architecture"),
    ),
    "privacy": Case(
        "membership privacy",
        SMALL + "--canaries 20 --epsilons 4 --train.accountant rdp " + COHORT,
        fixed=("train.architecture", "train.precision", "train.epsilon", "train.noise_multiplier"),
    ),
    "fit": Case(
        "leave-one-out fit",
        "--arrays {place}/xy.npz",
        values={"arrays": "xy2.npz", "classes": ("1", "0")},
        fixed=(*OF_IMAGES, *OF_LARGE),
    ),
    "fit of images": Case(
        "leave-one-out fit",
        SMALL + "--input-size 4",
        values={"classes": ("2",)},
        fixed=("arrays", "channels", "outputs", *OF_LARGE),
    ),
    "large fit": Case(
        "leave-one-out fit",
        SMALL + "--input-size 4 --method nystrom --landmarks 9 --probes 4",
        values={"classes": ("2",), "measures": ("auc",)},
        fixed=("arrays", "channels", "outputs", "method", "own_statistics", "keep_factor"),
    ),
    "query": Case(
        "leave-one-out query",
        "--fit {place}/fit-xy --queries {place}/xy-queries.npz --groups classes "
        "--add {place}/xy.npz",
        values={"fit": "fit-xy2", "queries": "xy2-queries.npz", "groups": "", "add": "xy2.npz"},
        fixed=("memory", *OF_QUERIES),
    ),
    "query of a large fit": Case(
        "leave-one-out query",
        "--fit {place}/large-xy --queries {place}/xy-queries.npz --groups classes "
        "--add {place}/xy.npz",
        values={
            "fit": "large-xy2",
            "queries": "xy2-queries.npz",
            "groups": "",
            "add": "xy2.npz",
            "measures": ("auc",),
        },
        fixed=("among_records",),
    ),
    "optimise": Case(
        "leave-one-out optimise",
        "--arrays {place}/xy.npz --removed 2 --steps 3",
        values={"arrays": "xy2.npz", "objective": "kl_out_in", **COMPOSED},
        fixed=(*OF_IMAGES, "removed_part"),
    ),
    "landscape": Case(
        "leave-one-out landscape",
        "--arrays {place}/xy.npz --removed 2 --noise-lines 1",
        values={"arrays": "xy2.npz", **COMPOSED},
        fixed=(*OF_IMAGES, "removed_part"),
    ),
    "landscape of added records": Case(
        "leave-one-out landscape",
        "--arrays {place}/xy.npz --removed 2 --noise-lines 1 --records 12 --removed-kind balanced "
        "--steps-per-side 2 --noise-steps 3",
        values={"arrays": "xy2.npz", "records": 14, **COMPOSED},
        fixed=(*OF_IMAGES, "removed_part", "removed_index"),
    ),
    "augment": Case(
        "leave-one-out augment",
        SMALL + "--input-size 4 --records 30 --removed 2 --draws 1 --copies 2 --copy-step 1",
        values={"augmentations": ("flip",), **COMPOSED, "classes": ("2",)},
        fixed=("arrays", "channels", "outputs", "removed_part", "removed_index"),
    ),
    "retrain": Case(
        "leave-one-out retrain",
        NETWORKS + "--lines 1 --steps-per-side 2",
        values={"classes": ("3",)},
        fixed=("kernel", *OF_IMAGE_NETWORKS),
    ),
    "compare": Case(
        "leave-one-out compare",
        NETWORKS + "--queries 4 --estimators gradient_dot " + BRITTLE,
        values={"top": 3, "classes": ("3",), "brittleness.tables": ("gradient_dot",)},
        fixed=("kernel", "retrained", "influence", *OF_IMAGE_NETWORKS),
    ),
    "compare networks of images": Case(
        "leave-one-out compare",
        "--arrays {place}/pictures.npz --influence {place}/influence.npz --device cpu --records 16 "
        "--removed 3 --pairs 6 --subsets 3 --subset-networks 1 --estimators gradient_dot "
        "--train.architecture mlp --train.architecture-options widths=8 --train.epochs 1 "
        + BRITTLE,
        values={
            "arrays": "pictures2.npz",
            "influence": "influence2.npz",
            "top": 3,
            "brittleness.tables": ("gradient_dot",),
        },
        fixed=(
            *("retrained", "channels", "match_to", "lines", "half_length", "steps_per_side"),
            *("composite_count", "background_correlation", "scaling", "input_size"),
            *("kernel_options", "queries", "train.architecture", "train.width", "classes"),
        ),
    ),
    "compare given models": Case(
        "leave-one-out compare",
        "--retrained {place}/models.npz --influence {place}/influence.npz",
        values={"retrained": "models2.npz", "influence": "influence2.npz"},
        fixed=(*IGNORED_WITH_GIVEN_MODELS, "brittleness."),
    ),
    "measure": Case(
        "coverage measure",
        TESTED + "--criteria nc,kmnc,idc,wisdom",
        fixed=(*PARTS, "arrays", "search_trials", "fitted", "earlier"),
    ),
    "measure arrays": Case(
        "coverage measure",
        "--arrays {place}/xy-activations.npz",
        values={"arrays": "xy2-activations.npz"},
        fixed=(*PARTS, *OF_NETWORKS, "correct_only", "search", "fitted", "earlier", *TABLES),
    ),
    "fit criteria": Case(
        "coverage fit", TRAINED + "--criteria nc,kmnc,idc", fixed=(*PARTS, "arrays")
    ),
    "measure fitted": Case(
        "coverage measure",
        "--model {place}/0.safetensors --tests {place}/unseen.npz --device cpu "
        "--fitted {place}/fit-0/fitted.safetensors",
        values={"fitted": "fit-1/fitted.safetensors"},
        fixed=(
            *(*PARTS, "arrays", "model", "card", "mean", "std", "members", "centre_fraction"),
            *(*LAYERS, "member_records", "search", "search_trials", "per", "earlier", *TABLES),
            *("criteria", "param", "attribution", "importance_records", "vote_attributions"),
            *("vote_records", "correct_only"),
        ),
    ),
    "monitor": Case("coverage monitor", TESTED, fixed=PARTS),
    "selector": Case(
        "coverage selector",
        TRAINED + "--selector {place}/wisdom-0/selector/selector.safetensors",
        values={"selector": "wisdom-1/selector/selector.safetensors"},
        fixed=(*PARTS, "model", "card", "mean", "std"),
    ),
    "importance": Case("coverage importance", TRAINED, fixed=PARTS),
    "wisdom": Case("coverage wisdom", TRAINED + "--selector model", fixed=PARTS),
    "prioritise": Case(
        "coverage prioritise",
        TESTED + "--criteria nc,kmnc",
        values={"by": ("nc_total", "random")},
        fixed=(*PARTS, "arrays"),
    ),
    "select": Case(
        "coverage select",
        TESTED + "--criterion nc --count 4",
        values={"criterion": "tknc"},
        fixed=(*PARTS, "arrays"),
    ),
    "ablate": Case(
        "coverage ablate",
        TESTED + "--attributions lrp --top-counts 2,4 --draws 3",
        values={"layers": ("hidden",), "layer_index": (0,)},
        fixed=(*PARTS, "exclude_layers"),
    ),
    "sensitivity": Case(
        "coverage sensitivity",
        TESTED + "--criteria nc,kmnc --draws 2",
        values={"pixels": "ldl", "grid_shares": (0.1,), "grid_deviations": (0.2,)},
        fixed=PARTS,
    ),
    "adversarial": Case(
        "coverage adversarial",
        TESTED + "--criteria nc,kmnc --attacks fgsm --epsilon 0.5 --draws 2 --sizes 3 --shares 0.3",
        values={"attacks": ("bim",), "sizes": (2,), "shares": (0.4,)},
        fixed=PARTS,
    ),
    "fuzz": Case(
        "coverage fuzz",
        TRAINED + "--seeds {place}/unseen.npz --criterion nc --budget 60 --round-size 20",
        values={
            "criterion": "tknc",
            "seeds": "third.npz",
            "budget": 50,
            "start": "members",
            "judge": "1.safetensors",
            "against": "1.safetensors",
            "quality": "1.safetensors",
            "mutations": ("shift", "noise"),
            "max_share": 0.05,
            "max_change": 0.1,
            "layers": ("hidden",),
            "layer_index": (0,),
        },
        fixed=(*PARTS, "exclude_layers", "seeds_part", "diffusion", "diffusion_strength"),
    ),
    "classes": Case(
        "coverage classes",
        TESTED + "--attributions lrp --top-neurons 2 --draws 2 --classes 2",
        values={"layers": ("hidden",), "layer_index": (0,), "classes": 3},
        fixed=(*PARTS, "exclude_layers"),
    ),
    "detection": Case(
        "coverage detection",
        "--model {place}/yolos --data {place}/coco/images --device cpu --threshold 0.2 "
        "--annotations {place}/coco/instances.json --top-counts 2,4 --draws 2",
        values={
            "model": "yolos-2",
            "annotations": "coco/others.json",
            "image_size": 40,
            "mean": (0.4,),
            "std": (0.4,),
            "exclude_layers": ("class", "bbox", "layer.0"),
            "attribution": "la",
            "importance_records": 2,
            "test_records": 2,
        },
        fixed=("data", "batch_size"),
    ),
    "impartiality": Case(
        "coverage impartiality",
        TESTED + "--criteria nc,kmnc --sizes 3 --sets 10 --attack fgsm --epsilon 0.5",
        values={"attack": "bim", "sizes": (2,)},
        fixed=(*PARTS, "arrays"),
    ),
}
OF_A_MODEL = (
    *("arch", "members", "non_members", "tests", "task", "output_kind", "target", "groups"),
    *("train_function", "checkpoints", "lenses", "budget", "shadows", "records", "quick"),
    "analysis.",
)
"""Options that are refused without --model."""
CASES["whole study"] = Case(
    "audit",
    SMALL + ENCODER + "--per-class 2 --k 5 --probe.epochs 1 --membership.models 0 "
    "--leave-one-out.input-size 4",
    values={"membership.models": 4, "seeds": (1,)},
    fixed=(
        "decision",
        *OF_OBJECTS,
        "duplicate_search.",
        "model",
        "card",
        "mean",
        "std",
        *OF_A_MODEL,
        "train.architecture",
        "train.resolution.start_epoch",
        "leave_one_out.outputs",
        "membership.",
        "coverage.",
        "reconstruct.",
    ),
)
WITHOUT_CARDS = {
    "data check",
    "data describe",
    "data vocabulary",
    "dejavu attack",
    "dejavu linear-probe",
    "membership attack",
    "membership bound",
    "convert",
    "report",
    "status",
}
"""Commands that compute and write everything each time."""
ELSEWHERE = {
    "dejavu pool": "tests/audits/test_seeds.py; needs two studies",
    "coverage merge": "tests/lenses/coverage/fits/test_fit.py; needs two studies",
    "coverage cost": "tests/lenses/coverage/experiments/test_cost.py; its results are times",
    **{
        f"coverage study rq{number}": "tests/lenses/coverage/test_study_commands.py; is another one"
        for number in range(1, 6)
    },
    "data unpack": "tests/data/test_tfrecords.py; needs tensorflow",
    "data tag": "tests/probe/annotators/test_zero_shot.py; needs transformers",
    "data boxes": "tests/probe/annotators/test_detector.py; needs transformers",
    "membership ensemble": "tests/lenses/membership/study/test_ensemble.py; needs many runs",
}


def test_every_command_is_here_or_somewhere():
    commands = {name for name in COMMANDS.names() if issubclass(COMMANDS.get(name).options, Common)}
    here = {case.command for case in CASES.values()}
    assert commands == here | WITHOUT_CARDS | set(ELSEWHERE)


def leaves(options, before=""):
    """Yield dotted name, value and type of every option, those of nested dataclasses as well."""
    hints = typing.get_type_hints(type(options))
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{before}{field.name}.")
        else:
            yield before + field.name, value, hints[field.name]


def changed(options, name, value):
    """Return options with one of them changed."""
    first, _, rest = name.partition(".")
    inner = changed(getattr(options, first), rest, value) if rest else value
    return dataclasses.replace(options, **{first: inner})


def is_literal(kind):
    """Return whether a type names its values."""
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    return typing.get_origin(kind) is typing.Literal


def another(value, kind):
    """Return another value of that type; None where the type names none."""
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, UnionType):
        kind = next(each for each in typing.get_args(kind) if each is not type(None))
    if typing.get_origin(kind) is typing.Literal:
        return next(each for each in typing.get_args(kind) if each != value)
    if kind is bool:
        return not value
    if kind is int:
        return (value or 0) + 1
    if kind is float:
        return 0.5 if not value else value * 0.75
    if typing.get_origin(kind) is tuple and typing.get_args(kind)[0] in (int, float) and value:
        return (*value[:-1], type(value[-1])(value[-1] * 2))
    return None


def save_detectors(place):
    """Write two detectors and images with objects, where they are needed alone: it takes long."""
    transformers = pytest.importorskip("transformers")
    if (place / "coco").exists():
        return
    _, file = save_images(place / "coco")
    content = json.loads(file.read_text())
    boxes = [{**box, "bbox": [0, 0, 9, 9]} for box in content["annotations"]]
    (place / "coco" / "others.json").write_text(json.dumps({**content, "annotations": boxes}))
    for name, layers in (("yolos", 1), ("yolos-2", 2)):
        save_detector(place / name, tiny_yolos(transformers, layers))


def save_diffusion_models(place):
    """Write two runs of reconstruct train, where they are needed alone: it imports diffusers."""
    for number in range(2):
        if not (place / f"recall-{number}").exists():
            encoder = str(place / f"{number}.safetensors")
            train = ["reconstruct", "train", "--encoder", encoder, *RECONSTRUCTION.split()]
            main([*train, "--out", str(place / f"recall-{number}")])
    for number, pixels in enumerate(composite(10).pixels[:3]):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(place / f"{number}.png")


def save_reconstructed_pair(place):
    """Write a two-model test and diffusion models of its encoders, where they are needed alone."""
    if (place / "pair").exists():
        return
    split = ["--split", str(place / "split"), "--per-class", "2"]
    files = [str(place / f"{number}.safetensors") for number in range(2)]
    models = ["--model-a", files[0], "--model-b", files[1], "--layer", "backbone", "--k", "5"]
    public = ["--indices", str(place / "split" / "2_per_class" / "public.npy")]
    main(["dejavu", "two-model", *SMALL.split(), *models, *split, "--out", str(place / "pair")])
    for name, encoder in zip("ab", files, strict=True):
        train = ["reconstruct", "train", "--encoder", encoder, *RECONSTRUCTION.split(), *public]
        main([*train, "--out", str(place / f"pair-{name}")])


def save_samples(place):
    """Write samples of two encoders, of the first images and of others."""
    random = np.random.default_rng(0)
    for number, first in enumerate((0, 0, 30, 30)):
        folder = place / f"samples-{number}" / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (20, 2, 3, 16, 16), dtype=np.uint8)
        write_samples(folder / "samples.safetensors", pixels, np.arange(first, first + 20))


def base_options(case, place, out):
    if case.command == "reconstruct evaluate":
        save_samples(place)
    if case.command in SAMPLED:
        save_diffusion_models(place)
    if case.command == "dejavu reconstruct":
        save_reconstructed_pair(place)
    if case.command == "coverage detection":
        save_detectors(place)
    kind = COMMANDS.get(case.command).options
    words = case.words.format(place=place).split()
    return parse(kind, [*words, "--out", str(out), "--json"], "imprint")


def variants(case, base, place):
    """Yield the name and another value of every option that this miniature can change."""
    groups = tuple(name for name in case.fixed if name.endswith("."))
    for name, value, kind in leaves(base):
        if name in (*IMAGES, *OUTSIDE, *KEYS, *case.fixed) or name.startswith(groups):
            continue
        if name.partition(".")[0] in WHERE:
            continue
        if name.split(".")[-1] in REFUSED_EARLY:
            continue
        other = case.values.get(name)
        if other is None and name.split(".")[-1] == "param":
            other = PARAMS[case.command.split()[0]]
        if other is None and not is_literal(kind):
            other = OTHERS.get(name.split(".")[-1])
        if other is None or other == value:
            other = another(value, kind)
        assert other is not None, f"give {name} another value, or say that it is fixed"
        if isinstance(other, str) and other and (place / other).exists():
            other = place / other
        yield name, other


def results(options):
    """Run a command; return what it returns and writes, but for what quotes the options."""
    findings = to_json(_run(options))
    if isinstance(findings, dict):
        findings.pop("settings", None)
    files = {
        str(file.relative_to(options.out)): file.read_bytes()
        for file in options.out.rglob("*")
        if file.is_file() and not file.name.startswith(NO_RESULT)
    }
    return json.dumps(findings).replace(str(options.out), "OUT"), files


NO_RESULT = (".lock", "options.yaml", "summary.json", "report.html", "engine-")
"""The page and the summary quote the options; which engine was faster was timed."""


@pytest.fixture
def of_the_user(monkeypatch, place):
    """Give a model that only answers, as a user has it."""
    network = load_model(place / "0.safetensors").eval()

    def logits(images):
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    module = SimpleNamespace(make=lambda: SimpleNamespace(input_size=8, logits=logits))
    monkeypatch.setitem(sys.modules, "of_the_user", module)
    monkeypatch.setattr(user_code, "_trusted", {"of_the_user:make"})


def check_no_folder_is_named(out, root):
    """Check that what is handed on does not say where things lie on this machine."""
    for file in out.rglob("*"):
        if file.suffix in (".json", ".html", ".csv", ".parquet") and file.is_file():
            assert str(root).encode() not in file.read_bytes(), file


def run_anew(options, out):
    """Run a command in a new folder; return what :func:`results` does."""
    try:
        return results(dataclasses.replace(options, out=out))
    finally:
        shutil.rmtree(out, ignore_errors=True)


def is_stale(options, fresh):
    """Return whether a command gives something else in its folder than in a new one."""
    found, files = results(options)
    expected, anew = run_anew(options, fresh)
    return found != expected or any(files.get(file) != content for file, content in anew.items())


def stale_options(base, accepted, fresh):
    """Return the names of options that no step refuses and that leave something out of date.

    All at once first: a command runs once in a new folder, not once an option.
    """
    if not accepted:
        return []
    options = base
    for name, other in accepted:
        options = changed(options, name, other)
    try:
        if not is_stale(options, fresh):
            return []
    except ImprintError:
        pass  # they do not go together
    return [name for name, other in accepted if is_stale(changed(base, name, other), fresh)]


@pytest.mark.parametrize("name", CASES)
def test_a_changed_option_is_refused_or_changes_nothing(
    name, place, tmp_path, of_the_user, monkeypatch
):
    case = CASES[name]
    base = base_options(case, place, tmp_path / "out")
    _run(base)
    check_no_folder_is_named(base.out, place.parent)
    monkeypatch.setattr("imprint.report.page.write_report", lambda *_: "")
    accepted, refused = [], []
    for option, other in variants(case, base, place):
        try:
            _run(changed(base, option, other))
        except ImprintError as error:
            refused.append(f"{option}={other}: {error}")
        else:
            accepted.append((option, other))
    assert stale_options(base, accepted, tmp_path / "fresh") == []
    assert [told for told in refused if not any(words in told for words in REFUSED)] == []
    assert refused
