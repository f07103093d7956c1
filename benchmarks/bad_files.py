"""Calls whose files are wrong: images, boxes, arrays, indices, weights, cards, studies."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bad_words import Case
from miniatures import CLASSES, commands

ARRAY_FILES = {
    "dejavu attack": "embeddings.npz",
    "membership attack": "signals.npz",
    "membership bound": "canaries.npz",
    "leave-one-out fit": "records.npz",
    "leave-one-out query": "queries.npz",
    "coverage measure": "activations.npz",
    "membership cohort": "images.npz",
}

VALID = {
    ("leave-one-out fit", "x", "of one axis more"),
    ("coverage measure", "train/fc", "left out"),
    ("coverage measure", "train_labels", "left out"),
    ("coverage measure", "test_labels", "left out"),
    ("coverage measure", "train_labels", "of 10¹²"),
    ("coverage measure", "test_labels", "of 10¹²"),
}
"""Changes of an array that the command takes."""


def file_cases(world: Path) -> Iterator[Case]:
    """Yield every call with a wrong file; ``world`` holds the miniatures."""
    calls = commands(world)
    calls["coverage measure"] = [
        "coverage", "measure", "--arrays", str(world / "activations.npz"), "--criteria=nc,kmnc",
    ]  # fmt: skip
    yield from _array_cases(calls, world)
    yield from _image_cases(calls, world)
    yield from _box_cases(calls, world)
    yield from _index_cases(calls, world)
    yield from _weight_cases(calls, world)
    yield from _config_cases(calls)
    yield from _study_cases(calls, world)


def _replaced(words: list[str], old: Path, new: str) -> list[str]:
    """Return the words with one path replaced; ``{}`` is where the case prepares its files."""
    return [new if word == str(old) else word for word in words]


def _array_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    for name, file in ARRAY_FILES.items():
        arrays = dict(np.load(world / file))
        for key, array in arrays.items():
            for what, value in _bad_arrays(array):
                if (name, key, what) in VALID:
                    continue
                changed = {**arrays, key: value} if value is not None else _less(arrays, key)

                def prepare(folder: Path, changed: dict[str, Any] = changed) -> None:
                    np.savez(folder / "arrays.npz", **changed)

                words = _replaced(calls[name], world / file, "{}/arrays.npz")
                yield Case("arrays", f"{name}: {key} {what}", words, prepare=prepare)
        whole = (world / file).read_bytes()
        for what, content in (
            ("cut off", whole[: len(whole) // 2]),
            ("empty", b""),
            ("noise", bytes(range(256)) * 4),
            ("an image", (world / "train/ant/train00.png").read_bytes()),
            ("an .npy file", _npy_bytes(np.zeros(3))),
        ):
            words = _replaced(calls[name], world / file, "{}/arrays.npz")
            prepare = _writer("arrays.npz", content)
            yield Case("arrays", f"{name}: the file is {what}", words, prepare=prepare)


def _bad_arrays(array: np.ndarray) -> Iterator[tuple[str, np.ndarray | None]]:
    """Yield what an array must not be, in words, and the array; None: left out."""
    yield "left out", None
    yield "without rows", array[:0]
    yield "of one axis more", array[..., None, None]
    yield "of words", np.full(array.shape, "a")
    yield "of Python objects", np.full(array.shape, None)
    yield "of complex numbers", array + 1j
    if array.dtype.kind == "f":
        yield "with a NaN", np.where(np.arange(array.size).reshape(array.shape) == 0, np.nan, array)
        yield "infinite", np.full(array.shape, np.inf)
    if array.dtype.kind == "i":
        yield "with halves", array + 0.5
        yield "of 10¹²", np.full(array.shape, 10**12)


def _less(arrays: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if name != key}


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _writer(name: str, content: bytes) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return prepare


def _image_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    picture = (world / "train/ant/train00.png").read_bytes()

    def changed(change: Callable[[Path], None]) -> Callable[[Path], None]:
        def prepare(folder: Path) -> None:
            shutil.copytree(world / "train", folder / "data")
            change(folder / "data")

        return prepare

    def remove_all(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.mkdir()

    def empty_class(folder: Path) -> None:
        shutil.rmtree(folder / "ant")
        (folder / "ant").mkdir()

    def link_away(folder: Path) -> None:
        (folder / "ant/train00.png").unlink()
        (folder / "ant/train00.png").symlink_to("/nowhere/at/all.png")

    damages = {
        "an image cut off": _overwrite("ant/train00.png", picture[:200]),
        "an image of no bytes": _overwrite("ant/train00.png", b""),
        "a text named like an image": _overwrite("ant/train00.png", b"not an image\n"),
        "a page of HTML named like an image": _overwrite("ant/train00.png", b"<html></html>"),
        "a link to nowhere": link_away,
        "an empty folder": remove_all,
        "an empty class": empty_class,
    }
    for name in (
        "train", "audit", "data describe", "data split", "data crops", "dejavu sweep",
        "membership audit", "membership cohort", "coverage importance", "coverage measure",
        "coverage monitor", "coverage wisdom",
    ):  # fmt: skip
        words = commands(world)[name]
        for old in (world / "train", world / "images.npz"):
            words = _replaced(words, old, "{}/data")
        for what, change in damages.items():
            yield Case("images", f"{name}: {what}", words, prepare=changed(change))


def _overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def _box_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    good = (world / "boxes/ant/train00.xml").read_text()
    boxes = {
        "outside its image": good.replace("<xmax>15", "<xmax>99"),
        "of no width": good.replace("<xmax>15", "<xmax>10"),
        "with a word for a number": good.replace("<xmin>10", "<xmin>ten"),
        "without a corner": good.replace("<ymax>12</ymax>", ""),
        "of NaN": good.replace("<xmin>10", "<xmin>nan"),
        "cut off": good[:40],
        "of no bytes": "",
        "a page of HTML": "<!DOCTYPE html><html><body>404</body></html>",
    }
    for name in ("train", "data describe", "data split", "data crops"):
        for what, content in boxes.items():

            def prepare(folder: Path, content: str = content) -> None:
                shutil.copytree(world / "boxes", folder / "boxes")
                (folder / "boxes/ant/train00.xml").write_text(content)

            words = _replaced(calls[name], world / "boxes", "{}/boxes")
            yield Case("boxes", f"{name}: a box {what}", words, prepare=prepare)


def _index_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    lists = {
        "negative": np.array([-1, 2, 3]),
        "out of range": np.array([0, 10**6]),
        "repeated": np.array([1, 1, 2]),
        "halves": np.array([0.5, 1.5]),
        "two axes": np.array([[1, 2], [3, 4]]),
        "words": np.array(["a", "b"]),
        "of no rows": np.array([], dtype=np.int64),
        "one number": np.array(3),
    }
    for name, flag in (
        ("train", "--members"),
        ("train", "--non-members"),
        ("data crops", "--indices"),
        ("dejavu linear-probe", "--members"),
        ("dejavu linear-probe", "--non-members"),
    ):
        for what, array in lists.items():
            prepare = _writer("list.npy", _npy_bytes(array))
            words = [*calls[name], flag, "{}/list.npy"]
            yield Case("lists of indices", f"{name}: {flag} {what}", words, prepare=prepare)
        for what, content in (("a text", b"1\n2\n3\n"), ("empty", b"")):
            prepare = _writer("list.npy", content)
            words = [*calls[name], flag, "{}/list.npy"]
            yield Case("lists of indices", f"{name}: {flag} is {what}", words, prepare=prepare)


CARD_CHANGES: dict[str, Any] = {
    "architecture": [None, 3, ["mlp"], "no_such_network", "torch.hub:load", "os:system"],
    "channels": [None, "three", -1, 2.5, 5, [3]],
    "outputs": ["four", -4, 0, [4], 9],
    "input_size": [None, "big", 0, -8, 10**9],
    "mean": [None, "half", [], [0.5, 0.5], ["a"], [float("nan")]],
    "std": [None, "half", [], [0.0], [-1.0]],
    "options": [None, "widths", {"widths": "x"}, {"colour": "red"}, ["widths"]],
    "projector": [7, "8-", "wide", ["8-4"]],
}


def _weight_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    old = world / "classifier.safetensors"
    weights, card = old.read_bytes(), json.loads(old.with_suffix(".json").read_text())

    def both(weights: bytes, card: bytes | None) -> Callable[[Path], None]:
        def prepare(folder: Path) -> None:
            (folder / "net.safetensors").write_bytes(weights)
            if card is not None:
                (folder / "net.json").write_bytes(card)

        return prepare

    told = json.dumps(card).encode()
    files = {
        "weights cut off": (weights[:-100], told),
        "weights of no bytes": (b"", told),
        "weights of noise": (bytes(range(256)), told),
        "weights with a header of 2⁶⁰ bytes": (b"\0" * 7 + b"\x10" + b"{}", told),
        "no card": (weights, None),
        "a card of no bytes": (weights, b""),
        "a card that is a list": (weights, b"[]"),
        "a card cut off": (weights, told[:30]),
        "a card not in UTF-8": (weights, b"\xff\xfe{}"),
        "a card nested 100,000 deep": (weights, b"[" * 100_000),
    }
    for key, values in CARD_CHANGES.items():
        for value in values:
            changed = json.dumps({**card, key: value}).encode()
            files[f"a card whose {key} is {json.dumps(value)}"] = (weights, changed)
        files[f"a card without {key}"] = (weights, json.dumps(_less(card, key)).encode())
    files.pop("a card without projector")
    files.pop("a card without options")
    for name in ("coverage importance", "membership audit"):
        words = _replaced(calls[name], old, "{}/net.safetensors")
        for what, (content, about) in files.items():
            yield Case("weights and cards", f"{name}: {what}", words, prepare=both(content, about))


def _config_cases(calls: dict[str, list[str]]) -> Iterator[Case]:
    configs = {
        "not YAML": b"a: [1, 2\n",
        "a list": b"- 1\n- 2\n",
        "not UTF-8": "data: café\n".encode("latin-1"),
        "an unknown key": b"colour: red\n",
        "a word for a number": b"seed: many\n",
        "a Python tag": b"seed: !!python/object/apply:os.system ['true']\n",
        "a key twice": b"seed: 1\nseed: 2\n",
        "nested 100,000 deep": b"[" * 100_000,
        "a NUL byte": b"seed: \0\n",
    }
    for name in ("train", "audit", "leave-one-out fit", "coverage measure", "membership bound"):
        for what, content in configs.items():
            words = [*calls[name], "--config", "{}/options.yaml"]
            prepare = _writer("options.yaml", content)
            yield Case("YAML files", f"{name}: --config {what}", words, prepare=prepare)


def _study_cases(calls: dict[str, list[str]], world: Path) -> Iterator[Case]:
    """Yield calls into a folder that holds something else; it must be left as it was."""
    artefacts = {
        "train": "network",
        "data split": "split",
        "data crops": "crops",
        "leave-one-out fit": "leave_one_out",
        "membership cohort": "masks",
    }
    for name, artefact in artefacts.items():
        for what, content in (
            ("without a card", None),
            ("with a damaged card", b"{"),
            ("with a foreign card", b'{"hash": "0", "settings": {}, "inputs": {}}'),
            ("with a card that is a list", b"[]"),
        ):

            def prepare(
                folder: Path, artefact: str = artefact, content: bytes | None = content
            ) -> None:
                (folder / "study" / artefact).mkdir(parents=True)
                if content is not None:
                    (folder / "study" / f"{artefact}.card.json").write_bytes(content)

            words = [*calls[name], "--out", "{}/study"]
            yield Case("study folders", f"{name}: {artefact} {what}", words, False, prepare)
    for what, content in (("is damaged", b"{"), ("is a list", b"[]"), ("is empty", b"")):
        prepare = _writer("study/summary.json", content)
        words = ["report", "--out", "{}/study"]
        yield Case("study folders", f"report: summary.json {what}", words, False, prepare)
    yield Case("study folders", "report: no study", ["report"])
    assert CLASSES
