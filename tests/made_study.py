"""A made-up study, whole and small: embedded images, planted votes, every file of the contract."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imprint.data.imageset import ArrayImages
from imprint.data.sources.composite import composite
from imprint.report.gallery import Answer, Card, CardPicture, write_gallery
from imprint.report.wording import nats
from imprint.study.json_io import write_json
from imprint.study.tables import write_table

CHROMIUM, DRIVER = "chromium", "chromedriver"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
)

CATEGORIES = ("correlated", "memorized", "forgotten", "unassociated")


def estimate(value: float, half: float, n: int) -> dict[str, Any]:
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return {"value": value, "ci95": [low, high], "n": n}


def make_study(root: Path, attacked: int = 240, cards: int = 64, seed: int = 0) -> Path:
    """Write a study whose numbers agree with one another; return its folder."""
    random = np.random.default_rng(seed)
    images = composite(max(480, 2 * attacked), background_correlation=0.3, seed=seed)
    classes = len(images.classes)
    labels = images.labels[:attacked]
    category = random.choice(4, size=attacked, p=[0.24, 0.25, 0.1, 0.41])
    target_right, reference_right = np.isin(category, [0, 1]), np.isin(category, [0, 2])
    wrong = (labels + random.integers(1, classes, attacked)) % classes
    target_confidence = -np.clip(random.normal(1.5 - 0.7 * target_right, 0.4), 0, 2.3)
    reference_confidence = -np.clip(random.normal(1.6 - 0.3 * reference_right, 0.4), 0, 2.3)
    records = {
        "index": np.arange(attacked),
        "side": np.arange(attacked) % 2,
        "label": labels,
        "category": category,
        "target_prediction": np.where(target_right, labels, wrong),
        "target_confidence": target_confidence,
        "reference_prediction": np.where(reference_right, labels, wrong),
        "reference_confidence": reference_confidence,
        "memorization": target_confidence - reference_confidence,
    }
    tables = root / "tables" / "dejavu"
    write_table(tables / "records.parquet", records)
    _write_curve(tables, records, target_right, reference_right)
    _write_classes(tables, records, classes)
    _write_epochs(tables)
    _write_gallery(root / "gallery" / "dejavu", images, records, cards, random)
    write_json(root / "summary.json", _summary(images, records))
    return root


def _write_curve(tables: Path, records: Any, target: Any, reference: Any) -> None:
    percents = np.arange(10.0, 101.0)
    kept = np.maximum(1, np.round(len(target) * percents / 100).astype(int))

    def accuracies(right: Any, confidence: Any) -> Any:
        return (np.cumsum(right[np.argsort(-confidence)]) / np.arange(1, len(right) + 1))[kept - 1]

    write_table(
        tables / "curve.parquet",
        {
            "index": np.arange(len(percents)),
            "percent": percents,
            "target_accuracy": accuracies(target, records["target_confidence"]),
            "reference_accuracy": accuracies(reference, records["reference_confidence"]),
        },
    )


def _write_classes(tables: Path, records: Any, classes: int) -> None:
    labels, kinds = records["label"], records["category"]
    count = np.bincount(labels, minlength=classes)
    share = [np.bincount(labels[kinds == kind], minlength=classes) / count for kind in range(4)]
    strength = [records["memorization"][(labels == c) & (kinds == 1)] for c in range(classes)]
    write_table(
        tables / "classes.parquet",
        {
            "index": np.arange(classes),
            "n": count.astype(float),
            "target_accuracy": share[0] + share[1],
            "reference_accuracy": share[0] + share[2],
            "gap": share[1] - share[2],
            "confidence_gap": np.array([s.mean() if len(s) else np.nan for s in strength]),
        },
    )


def _write_epochs(tables: Path) -> None:
    epochs = np.arange(10, 101, 10)
    reference = 0.34 * (1 - np.exp(-epochs / 20))
    score = 0.16 * (1 - np.exp(-epochs / 60))
    write_table(
        tables / "epochs.parquet",
        {
            "index": epochs,
            "score": score,
            "score_low": score - 0.06,
            "score_high": score + 0.06,
            "target_accuracy": reference + score,
            "reference_accuracy": reference,
            "memorized": 0.1 + score,
            "forgotten": np.full(len(epochs), 0.1),
            "correlated": reference - 0.1,
        },
    )


def _write_gallery(
    folder: Path, images: ArrayImages, records: Any, cards: int, random: Any
) -> None:
    folder.mkdir(parents=True)
    names = images.classes
    public = np.arange(len(images) // 2, len(images))

    def save(prefix: str, index: int, pixels: Any) -> str:
        file = f"{prefix}{index}.png"
        if not (folder / file).exists():
            Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(folder / file)
        return file

    def neighbours(label: int, share: float) -> tuple[CardPicture, ...]:
        same = public[images.labels[public] == label]
        chosen = [random.choice(same if random.random() < share else public) for _ in range(6)]
        return tuple(
            CardPicture(
                save("n", i, images.pixels[i]),
                names[images.labels[i]],
                ring=bool(images.labels[i] == label),
            )
            for i in chosen
        )

    def answer(row: int, role: str, share: float) -> Answer:
        prediction = names[records[f"{role}_prediction"][row]]
        true = int(records["label"][row])
        detail = f"{nats(records[f'{role}_confidence'][row])} nats"
        shown = neighbours(true, share)
        right = prediction == names[true]
        return Answer(f"{role} model", prediction, right, detail, role == "reference", shown)

    def card(row: int) -> Card:
        index = int(records["index"][row])
        assert images.object_boxes is not None
        box = tuple(int(edge) for edge in images.object_boxes[index][0])
        left = 18 if box[0] == 0 else 0
        crop = images.pixels[index][:, 9:23, left : left + 14]
        enlarged = crop.repeat(2, axis=1).repeat(2, axis=2)
        kind = CATEGORIES[records["category"][row]]
        true = int(records["label"][row])
        whole = save("i", index, images.pixels[index])
        return Card(
            names[true],
            f"{names[true]}/{names[true]}_{index:05d}.png · index {index}",
            (
                CardPicture(whole, "The image", "the image", 32, (box,), (left, 9, left + 14, 23)),
                CardPicture(save("c", index, enlarged), "The crop", "what the models see"),
            ),
            badge=kind,
            answers=(
                answer(row, "target", 0.7 if kind in CATEGORIES[:2] else 0.1),
                answer(row, "reference", 0.7 if kind in CATEGORIES[::2] else 0.1),
            ),
            facets={
                "Category": kind,
                "Set": "AB"[records["side"][row]],
                "Class": names[true],
            },
            numbers={
                "memorization strength": float(records["memorization"][row]),
                "target confidence": float(records["target_confidence"][row]),
            },
        )

    wanted = np.flatnonzero(np.isin(records["category"], [0, 1, 2]))
    strongest = wanted[np.argsort(-records["memorization"][wanted], kind="stable")][:cards]
    write_gallery(folder, [card(int(row)) for row in strongest])


def _summary(images: ArrayImages, records: Any) -> dict[str, Any]:
    attacked = len(records["index"])

    def findings(kept: int) -> dict[str, Any]:
        most_sure = np.argsort(-records["target_confidence"], kind="stable")[:kept]
        share = np.bincount(records["category"][most_sure], minlength=4) / kept
        correlated, memorized, forgotten, unassociated = (float(value) for value in share)
        surest = np.argsort(-records["reference_confidence"], kind="stable")[:kept]
        reference = float(np.isin(records["category"][surest], [0, 2]).mean())
        half = 1 / np.sqrt(kept)
        return {
            name: estimate(value, half * (0.5 + 0.5 * (index < 4)), kept)
            for index, (name, value) in enumerate(
                {
                    "score": correlated + memorized - reference,
                    "paired_score": memorized - forgotten,
                    "target_accuracy": correlated + memorized,
                    "reference_accuracy": reference,
                    "memorized": memorized,
                    "forgotten": forgotten,
                    "correlated": correlated,
                    "unassociated": unassociated,
                }.items()
            )
        }

    by_percent = {"100": findings(attacked), "20": findings(attacked // 5)}
    kinds = np.bincount(records["category"], minlength=4)
    return {
        "schema": 2,
        "imprint": "0.1.0",
        "data": {
            "name": "composite",
            "images": len(images),
            "classes": len(images.classes),
            "class_names": list(images.classes),
            "boxes": len(images),
            "attacked": {"A": attacked // 2, "B": attacked - attacked // 2},
            "dropped": {"no background crop of at least 8 pixels": 7},
            "public": 240,
            "layout": "composite",
            "fingerprint": "0f" * 32,
        },
        "settings": {"k": 20, "metric": "cosine", "train": {"objective": "vicreg", "epochs": 100}},
        "lenses": {
            "dejavu": {
                "two_model": by_percent,
                "two_model_top5": by_percent,
                "significance": {
                    "memorized": int(kinds[1]),
                    "forgotten": int(kinds[2]),
                    "p_value": 3.1e-4,
                },
                "controls": {
                    "untrained": {
                        "passed": True,
                        "what": "Two untrained networks in place of the two encoders.",
                        "value": estimate(0.008, 0.04, attacked),
                        "expected": 0.0,
                    },
                    "permuted_labels": {
                        "passed": False,
                        "what": "Labels of the public images shuffled: accuracy must be at chance.",
                        "value": estimate(0.163, 0.01, attacked),
                        "expected": 0.1,
                    },
                },
                "linear_probe": {
                    side: {
                        "train": {"top1": 0.913, "top5": 0.996, "n": 130},
                        "held_out": {"top1": 0.871, "top5": 0.985, "n": 240},
                    }
                    for side in "AB"
                },
            }
        },
    }


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study nobody may change."""
    return make_study(tmp_path_factory.mktemp("finished") / "study")


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original of every ``study``."""
    return make_study(tmp_path_factory.mktemp("small") / "study", attacked=60, cards=6)


@pytest.fixture
def study(small_study: Path, tmp_path: Path) -> Path:
    """A small study of one's own."""
    return Path(shutil.copytree(small_study, tmp_path / "study"))


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser."""
    chromium, chromedriver = shutil.which(CHROMIUM), shutil.which(DRIVER)
    if chromium is None or chromedriver is None:
        reason = "chromium and chromedriver are not installed"
        if os.environ.get("IMPRINT_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(chromedriver))
    yield browser
    browser.quit()
