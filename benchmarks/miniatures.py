"""Small inputs of every kind, and a valid call of every command that takes them, in seconds.

``make(folder)`` writes the inputs; ``commands(folder)`` returns the words of each command without
``--out``. The trials of reliability damage the inputs, the words or the machine around them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

SIDE, CLASSES, EACH = 16, ("ant", "bee", "cat", "dog"), 16
ANNOTATION = (
    "<annotation><object><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax>"
    "</bndbox></object></annotation>"
)
SETTINGS = """
model: {arch: resnet50, mlp: 512-256}
training: {epochs: 10, batch_size: 64}
"""
COHORT = [
    "--train.architecture=mlp",
    "--train.architecture-options=widths=16",
    "--train.input-size=8",
    "--train.epochs=2",
    "--train.batch-size=16",
]
ENCODER = [
    "--train.architecture=mlp",
    "--train.architecture-options=widths=16",
    "--train.projector=8-4",
    "--train.input-size=8",
    "--train.batch-size=16",
    "--train.warmup-epochs=1",
    "--train.resume-every=1",
]
RECONSTRUCTION = [
    "--train.steps=2",
    "--train.batch-size=4",
    "--train.unet.image-size=16",
    "--train.unet.patch=2",
    "--train.unet.width=8",
    "--train.unet.multipliers=1,1",
    "--train.diffusion.diffusion-steps=4",
]


def make(folder: Path) -> Path:
    """Write every input into ``folder``; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_photos(folder)
    _write_texts(folder / "texts")
    _write_arrays(folder)
    _write_networks(folder)
    _write_runs(folder / "runs")
    (folder / "coco.json").write_text('{"images": [], "annotations": [], "categories": []}')
    (folder / "tags.csv").write_text("image,tag\nant/train00.png,leg\nbee/train01.png,wing\n")
    _write_studies(folder)
    return folder


def _write_photos(folder: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    for part, each in (("train", EACH), ("test", 4), ("later", 4)):
        for label, name in enumerate(CLASSES):
            for row in range(each):
                pixels = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
                pixels[2:10, 2:10] = 60 * label
                file = folder / part / name / f"{part}{row:02d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)
                if part == "train":
                    box = folder / "boxes" / name / f"{part}{row:02d}.xml"
                    box.parent.mkdir(parents=True, exist_ok=True)
                    box.write_text(ANNOTATION.format(10, 2, 15, 12))


def _write_texts(folder: Path) -> None:
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "0.txt").write_text(f"a small {name}")


def _write_arrays(folder: Path) -> None:
    random = np.random.default_rng(1)
    labels = np.arange(40) % 4
    np.savez(folder / "images.npz", images=_pixels(random, 60), labels=np.arange(60) % 4)
    np.savez(folder / "test_images.npz", images=_pixels(random, 24), labels=labels[:24])
    public, crops = random.normal(size=(60, 6)), random.normal(size=(40, 6))
    np.savez(
        folder / "embeddings.npz",
        public=public,
        public_labels=np.arange(60) % 4,
        crops_target=crops,
        crops_reference=random.normal(size=(40, 6)),
        labels=labels,
    )
    members = np.stack([random.permutation(40) < 20 for _ in range(6)])
    signals = random.normal(size=(6, 1, 40)) + members[:, None]
    target = random.permutation(40) < 20
    np.savez(
        folder / "signals.npz",
        target=random.normal(size=(1, 40)) + target,
        target_members=target,
        signals=signals,
        members=members,
    )
    coins = random.random(200) < 0.5
    np.savez(folder / "canaries.npz", scores=random.normal(size=200) + coins, members=coins)
    records = random.normal(size=(30, 5))
    np.savez(folder / "records.npz", x=records, y=np.arange(30) % 3)
    np.savez(
        folder / "asked.npz",
        x=records,
        y=np.arange(30) % 3,
        queries=random.normal(size=(4, 5)),
        query_labels=np.arange(4) % 3,
    )
    np.savez(folder / "queries.npz", queries=random.normal(size=(4, 5)))
    np.savez(
        folder / "activations.npz",
        **{
            "train/fc": random.normal(size=(60, 12)),
            "test/fc": random.normal(size=(40, 12)),
            "train_labels": np.arange(60) % 3,
            "test_labels": np.arange(40) % 3,
        },
    )
    (folder / "tags.txt").write_text("sky\ngrass\n")
    (folder / "settings.yaml").write_text(SETTINGS)
    np.save(folder / "indices.npy", np.arange(0, 32, 2))
    np.save(folder / "held_out.npy", np.arange(1, 32, 2))


def _pixels(random: np.random.Generator, count: int) -> np.ndarray:
    return random.integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)


def _write_networks(folder: Path) -> None:
    from imprint.nets.fill import initial_model
    from imprint.nets.model_card import ModelCard
    from imprint.nets.save import save_model

    shape = {"widths": "16"}
    classifier = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), shape)
    encoder = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), shape, projector="8-4")
    for name, card, seed in (
        ("classifier", classifier, 0),
        ("encoder_a", encoder, 1),
        ("encoder_b", encoder, 2),
    ):
        save_model(folder / f"{name}.safetensors", initial_model(card, seed), card)


def _write_runs(folder: Path, models: int = 12, records: int = 20, tests: int = 4) -> None:
    random = np.random.default_rng(2)
    for run in range(models):
        members = random.random(records) < 0.7
        arrays = {"subsample_idx": np.flatnonzero(members)}
        for name, index in (
            ("train", np.flatnonzero(members)),
            ("removed", np.flatnonzero(~members)),
            ("test", np.arange(tests)),
        ):
            arrays[f"index_{name}"] = index
            arrays[f"correctness_{name}"] = random.random(len(index)) < 0.7
        (folder / str(run)).mkdir(parents=True, exist_ok=True)
        np.savez(folder / str(run) / "aux_arrays.npz", **arrays)


def _write_studies(folder: Path) -> None:
    """Write finished studies that other commands start from."""
    from imprint.cli import run

    calls = commands(folder)
    run([*calls["data split"], "--json", "--out", str(folder / "split")])
    run([*calls["leave-one-out fit"], "--json", "--out", str(folder / "fit")])
    run([*calls["coverage fit"], "--json", "--out", str(folder / "fitted")])
    wisdom = [*calls["coverage wisdom"], "--selector=model"]
    run([*wisdom, "--json", "--out", str(folder / "wisdom")])
    measure = ["coverage", "measure", "--model", str(folder / "classifier.safetensors")]
    measure += ["--fitted", str(folder / "fitted" / "fitted.safetensors")]
    run([*calls["dejavu two-model"], "--json", "--out", str(folder / "pair")])
    public = str(folder / "split" / "split" / "2_per_class" / "public.npy")
    for name in "ab":
        words = ["reconstruct", "train", "--data", str(folder / "train"), *RECONSTRUCTION]
        words += ["--boxes", str(folder / "boxes"), "--indices", public]
        words += ["--encoder", str(folder / f"encoder_{name}.safetensors")]
        run([*words, "--json", "--out", str(folder / f"pair_{name}")])
    run([*calls["reconstruct train"], "--json", "--out", str(folder / "recall")])
    run([*calls["reconstruct sample"], "--json", "--out", str(folder / "samples")])
    for day, tests in enumerate(("test", "later"), start=1):
        words = [*measure, "--tests", str(folder / tests)]
        run([*words, "--json", "--out", str(folder / f"day_{day}")])


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the words of a valid, quick call of each command, without ``--out``."""

    def at(name: str) -> str:
        return str(folder / name)

    photos = ["--data", at("train"), "--boxes", at("boxes")]
    small = [*photos, "--min-crop-px=2", "--k=5"]
    model = ["--model", at("classifier.safetensors")]
    sets = ["--members", at("train"), "--tests", at("test")]
    retrain = [
        "--data", at("images.npz"), "--records=16", "--queries=4", "--removed=3", "--pairs=8",
        "--subsets=2", "--subset-networks=2", "--input-size=8", "--classes=2", "--depth=1",
        "--train.width=8", "--train.epochs=2",
    ]  # fmt: skip
    first, second = (at(f"train/{name}/train00.png") for name in CLASSES[:2])
    ablated = [*model, *sets, "--attributions=lrp", "--top-counts=2,4", "--draws=2"]
    attacked = [
        "--criteria=nc,kmnc", "--attacks=fgsm", "--epsilon=0.5", "--draws=2", "--sizes=2",
        "--shares=0.5",
    ]  # fmt: skip
    classifier = [
        "--classifier.architecture=mlp", "--classifier.architecture-options=widths=8",
        "--classifier.input-size=8", "--classifier.epochs=2", "--classifier.warmup-epochs=1",
        "--classifier-steps=4", "--folds=2",
    ]  # fmt: skip
    return {
        "audit": [
            "audit", *small, *ENCODER, "--per-class=5", "--train.epochs=3", "--no-linear-probe",
            "--membership.models=6", "--membership.curvature-probes=1",
            "--membership.train.epochs=2",
            "--leave-one-out.records=20", "--coverage.vote-records=16",
            "--coverage.importance-records=16", "--coverage.criteria=nc,kmnc,idc",
        ],
        "train": ["train", *photos, *ENCODER, "--train.epochs=3"],
        "data describe": ["data", "describe", *photos],
        "data split": ["data", "split", *photos, "--per-class=2"],
        "data pack": ["data", "pack", *photos],
        "data check": ["data", "check", *photos],
        "data vocabulary": ["data", "vocabulary", "--data", at("texts")],
        "data unpack": ["data", "unpack", "--tfrecords", at("train")],
        "data crops": ["data", "crops", *photos, "--min-crop-px=2", "--size=16"],
        "data tag": ["data", "tag", *photos, "--tagger", at("train"), "--tag-list", at("tags.txt")],
        "data boxes": ["data", "boxes", *photos, "--detector", at("train")],
        "data clouds": ["data", "clouds", *photos, "--tags", at("tags.csv")],
        "dejavu attack": ["dejavu", "attack", "--arrays", at("embeddings.npz"), "--k=10"],
        "dejavu two-model": [
            "dejavu", "two-model", *small, "--split", at("split"), "--per-class=2",
            "--model-a", at("encoder_a.safetensors"), "--model-b", at("encoder_b.safetensors"),
        ],
        "dejavu sweep": [
            "dejavu", "sweep", *small, *ENCODER, "--per-class=2", "--train.epochs=3",
            "--train.snapshot-every=2", "--no-linear-probe", "--vary", "k=5:10",
        ],
        "dejavu one-model": [
            "dejavu", "one-model", *small, *classifier, "--split", at("split"), "--per-class=2",
            "--model", at("encoder_a.safetensors"), "--references=crop_classifier",
        ],
        "dejavu linear-probe": [
            "dejavu", "linear-probe", *photos, "--model", at("encoder_a.safetensors"),
            "--members", at("indices.npy"), "--non-members", at("held_out.npy"),
            "--probe.epochs=2",
        ],
        "membership attack": ["membership", "attack", "--arrays", at("signals.npz")],
        "membership audit": [
            "membership", "audit", *model, "--members", at("train"),
            "--non-members", at("test"), "--curvature-probes=1", "--shadows=4", *COHORT,
        ],
        "membership cohort": [
            "membership", "cohort", "--data", at("images.npz"), "--models=6",
            "--curvature-probes=1", *COHORT,
        ],
        "membership ensemble": ["membership", "ensemble", "--runs", at("runs")],
        "convert": ["convert", "--checkpoint", at("settings.yaml")],
        "membership privacy": [
            "membership", "privacy", "--data", at("images.npz"), "--canaries=20",
            "--epsilons=3", "--train.accountant=rdp", *COHORT,
        ],
        "membership bound": ["membership", "bound", "--arrays", at("canaries.npz")],
        "membership study": [
            "membership", "study", "--data", at("images.npz"), "--models=6", "--subsets=2",
            "--over=models", "--curvature-probes=1", *COHORT,
        ],
        "leave-one-out fit": ["leave-one-out", "fit", "--arrays", at("records.npz")],
        "leave-one-out query": [
            "leave-one-out", "query", "--fit", at("fit"), "--queries", at("queries.npz"),
        ],
        "leave-one-out optimise": [
            "leave-one-out", "optimise", "--arrays", at("records.npz"), "--removed=3",
            "--steps=20", "--restarts=1",
        ],
        "leave-one-out landscape": [
            "leave-one-out", "landscape", "--arrays", at("records.npz"), "--removed=3",
            "--steps-per-side=3",
        ],
        "leave-one-out augment": [
            "leave-one-out", "augment", "--data", at("images.npz"), "--records=12",
            "--input-size=4", "--removed=2", "--draws=1", "--copies=2",
        ],
        "leave-one-out retrain": ["leave-one-out", "retrain", *retrain],
        "leave-one-out compare": [
            "leave-one-out", "compare", *retrain, "--estimators=tracin,nearest",
        ],
        "coverage importance": [
            "coverage", "importance", *model, "--members", at("train"), "--attributions=lrp",
        ],
        "coverage wisdom": [
            "coverage", "wisdom", *model, "--members", at("train"), "--attributions=la,lrp",
            "--batch-size=8",
        ],
        "coverage measure": [
            "coverage", "measure", *model, *sets, "--criteria=nc,kmnc,idc,tknc",
        ],
        "coverage monitor": ["coverage", "monitor", *model, *sets],
        "coverage fit": [
            "coverage", "fit", *model, "--members", at("train"), "--criteria=nc,kmnc",
        ],
        "coverage merge": [
            "coverage", "merge", f"--studies={at('day_1')},{at('day_2')}",
            "--fitted", at("fitted/fitted.safetensors"),
        ],
        "coverage prioritise": ["coverage", "prioritise", *model, *sets, "--criteria=nc,kmnc"],
        "coverage select": [
            "coverage", "select", *model, *sets, "--criterion=nc", "--count=4",
        ],
        "coverage selector": [
            "coverage", "selector", *model, "--members", at("train"),
            "--selector", at("wisdom/selector/selector.safetensors"),
        ],
        "coverage ablate": ["coverage", "ablate", *ablated],
        "coverage sensitivity": [
            "coverage", "sensitivity", *model, *sets, "--criteria=nc,kmnc", "--draws=2",
        ],
        "coverage adversarial": ["coverage", "adversarial", *model, *sets, *attacked],
        "coverage impartiality": [
            "coverage", "impartiality", *model, *sets, "--criteria=nc,kmnc", "--sizes=8",
            "--sets=10",
        ],
        "coverage cost": [
            "coverage", "cost", *model, *sets, "--criteria=nc,kmnc", "--repeats=5",
        ],
        "coverage classes": [
            "coverage", "classes", *model, *sets, "--attributions=lrp", "--top-neurons=2",
            "--draws=2",
        ],
        "coverage fuzz": [
            "coverage", "fuzz", *model, "--members", at("train"), "--seeds", at("test"),
            "--criterion=nc", "--budget=60",
        ],
        "coverage detection": [
            "coverage", "detection", "--model", at("train"), "--data", at("train"),
            "--annotations", at("coco.json"),
        ],
        "reconstruct train": [
            "reconstruct", "train", "--encoder", at("encoder_a.safetensors"), *photos,
            *RECONSTRUCTION,
        ],
        "reconstruct sample": [
            "reconstruct", "sample", "--run", at("recall"), *photos, "--samples=1",
            "--sampling-steps=2",
        ],
        "reconstruct interpolate": [
            "reconstruct", "interpolate", "--run", at("recall"), "--first", first,
            "--second", second, "--samples=1", "--sampling-steps=2",
        ],
        "reconstruct manipulate": [
            "reconstruct", "manipulate", "--run", at("recall"), "--image", first,
            "--target", second, "--neighbours", at("test"), "--nearest=6", "--common=3",
            "--nonzero=0.3", "--samples=1", "--sampling-steps=2",
        ],
        "dejavu reconstruct": [
            "dejavu", "reconstruct", "--study", at("pair"), "--run-a", at("pair_a"),
            "--run-b", at("pair_b"), "--images=8", "--samples=1", "--sampling-steps=2",
        ],
        "reconstruct evaluate": [
            "reconstruct", "evaluate", "--samples", at("samples"), "--reference", at("samples"),
            *photos, "--classifier", at("classifier.safetensors"),
        ],
        "report": ["report"],
        "status": ["status"],
    }  # fmt: skip
