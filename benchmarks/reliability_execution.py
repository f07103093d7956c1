"""Hand imprint files that try to run code or to reach other files; a canary shows if one did.

Every attempt tries to write a canary file, or to reach a file that is not its business. An attempt
is lost if the canary appears, if the file is changed or shows up in what was written, if the call
ends in a traceback, or if it takes over 10 s or 1 GB.

    python benchmarks/reliability_execution.py --out runs/execution
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from miniatures import commands
from reliability_inputs import make_world
from trials import MEMORY_LIMIT_BYTES, TIME_LIMIT_S, Row, call, import_heavy, print_rows

SECRET = "do not let me out"


@dataclass(frozen=True)
class Attempt:
    """One try: what prepares it in an empty folder and the call, ``{}`` being that folder."""

    group: str
    name: str
    words: list[str]
    prepare: Callable[[Path], None]


class Payload:
    """What unpickling turns into a call of ``os.system``."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


def attempts(world: Path) -> Iterator[Attempt]:
    """Yield every attempt; ``world`` holds the miniatures."""
    calls = commands(world)
    yield from _cards(calls, world)
    yield from _pickles(calls, world)
    yield from _yaml(calls)
    yield from _names(calls, world)
    yield from _xml(calls, world)


def _cards(calls: dict[str, list[str]], world: Path) -> Iterator[Attempt]:
    weights = world / "classifier.safetensors"
    card = json.loads(weights.with_suffix(".json").read_text())
    entries: dict[str, tuple[str, dict[str, str]]] = {
        "os:system": ("os:system", {"command": "touch {}/canary"}),
        "subprocess:getoutput": ("subprocess:getoutput", {"cmd": "touch {}/canary"}),
        "builtins:exec": ("builtins:exec", {"source": "open('{}/canary','w')"}),
        "builtins:open": ("builtins:open", {"file": "{}/canary", "mode": "w"}),
        "pathlib:Path.touch": ("pathlib:Path.touch", {"self": "{}/canary"}),
        "runpy:run_path": ("runpy:run_path", {"path_name": "{}/evil.py"}),
        "importlib:import_module": ("importlib:import_module", {"name": "evil"}),
        "evil:build beside the weights": ("evil:build", {}),
        "../evil:build": ("../evil:build", {}),
        "torch:load of a pickle": ("torch:load", {"f": "{}/evil.pt", "weights_only": "false"}),
        "torch.hub:load of a folder": (
            "torch.hub:load", {"repo_or_dir": "{}", "model": "build", "source": "local"},
        ),
        "torch.hub:load of a GitHub name": (
            "torch.hub:load", {"repo_or_dir": "nobody/nothing", "model": "build"},
        ),
        "transformers:FOLDER with code": ("transformers:{}", {"trust_remote_code": "true"}),
        "transformers:FOLDER, code not asked for": ("transformers:{}", {}),
        "transformers:NAME of the hub": ("transformers:nobody/nothing", {}),
        "timm:hf-hub:NAME": ("timm:hf-hub:nobody/nothing", {}),
        "timm:local-dir": ("timm:local-dir:{}", {}),
        "torchvision:NAME with weights": ("torchvision:resnet18", {"weights": "DEFAULT"}),
        "mlp with an option of code": ("mlp", {"widths": "open('{}/canary', 'w')"}),
    }  # fmt: skip
    for name, (architecture, options) in entries.items():

        def prepare(folder: Path, architecture: str = architecture, options: Any = options) -> None:
            _write_evil(folder)
            shutil.copy(weights, folder / "net.safetensors")
            filled = {key: value.replace("{}", str(folder)) for key, value in options.items()}
            changed = {
                **card,
                "architecture": architecture.replace("{}", str(folder)),
                "options": filled,
            }
            (folder / "net.json").write_text(json.dumps(changed))

        for command in ("coverage importance", "membership audit"):
            words = [
                "{}/net.safetensors" if word == str(weights) else word for word in calls[command]
            ]
            yield Attempt("cards of weights", f"{command}: {name}", words, prepare)
    for command in ("data tag", "data boxes"):
        words = ["{}" if word == str(world / "train") else word for word in calls[command]]
        words = [*words, "--data", str(world / "train")]
        yield Attempt("cards of weights", f"{command}: a model folder of code", words, _write_evil)


def _write_evil(folder: Path) -> None:
    """Write a module, a hub entry and a model folder that each touch the canary."""
    code = f"open({str(folder / 'canary')!r}, 'w').close()\n"
    module = code + "def build(*a, **k): raise SystemExit\nclass Model: pass\nclass Config: pass\n"
    for name in ("evil.py", "hubconf.py", "modeling_evil.py", "configuration_evil.py"):
        (folder / name).write_text(module)
    config = {
        "model_type": "evil",
        "architectures": ["Model"],
        "auto_map": {
            "AutoConfig": "configuration_evil.Config",
            "AutoModel": "modeling_evil.Model",
            "AutoModelForImageClassification": "modeling_evil.Model",
            "AutoProcessor": "modeling_evil.Model",
            "AutoTokenizer": ["modeling_evil.Model", None],
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.pt").write_bytes(pickle.dumps(Payload(folder / "canary")))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(folder / "canary")))


def _pickles(calls: dict[str, list[str]], world: Path) -> Iterator[Attempt]:
    weights = world / "classifier.safetensors"
    card = weights.with_suffix(".json").read_text()

    def writes(name: str, content: Callable[[Path], bytes]) -> Callable[[Path], None]:
        def prepare(folder: Path) -> None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content(folder / "canary"))
            (folder / "net.json").write_text(card)

        return prepare

    for suffix in (".pt", ".pth", ".ckpt", ".safetensors"):
        for kind, content in (
            ("plain", _plain_pickle),
            ("a zip of torch.save", _torch_zip),
            ("inside a state dict", _torch_state),
        ):
            for command in ("coverage importance", "dejavu linear-probe", "convert"):
                old = {"convert": "settings.yaml", "dejavu linear-probe": "encoder_a.safetensors"}
                path = str(world / old.get(command, weights.name))
                words = [f"{{}}/net{suffix}" if word == path else word for word in calls[command]]
                yield Attempt(
                    "pickles",
                    f"{command}: {suffix}, {kind}",
                    words,
                    writes(f"net{suffix}", content),
                )
    for command, flag in (
        ("train", "--members"),
        ("train", "--non-members"),
        ("data crops", "--indices"),
        ("dejavu linear-probe", "--members"),
    ):
        words = [*calls[command], flag, "{}/list.npy"]
        yield Attempt("pickles", f"{command}: {flag}", words, writes("list.npy", _npy_pickle))
    for command, file in (
        ("dejavu attack", "embeddings.npz"),
        ("membership attack", "signals.npz"),
        ("membership bound", "canaries.npz"),
        ("leave-one-out fit", "records.npz"),
        ("leave-one-out query", "queries.npz"),
        ("membership cohort", "images.npz"),
    ):
        for key in np.load(world / file):
            words = [
                f"{{}}/{file}" if word == str(world / file) else word for word in calls[command]
            ]

            def content(canary: Path, file: str = file, key: str = key) -> bytes:
                return _npz_pickle(world / file, key, canary)

            yield Attempt("pickles", f"{command}: array {key}", words, writes(file, content))
    for batch in ("data_batch_1", "test_batch", "batches.meta"):
        words = ["data", "describe", "--layout=cifar", "--data", "{}/cifar"]
        words += ["--part=test"] * (batch == "test_batch")
        prepare = _cifar(batch)
        yield Attempt("pickles", f"data describe: CIFAR {batch}", words, prepare)
    words = ["train", "--layout=cifar", "--data", "{}/cifar"]
    yield Attempt("pickles", "train: CIFAR data_batch_1", words, _cifar("data_batch_1"))
    runs = [word.replace(str(world / "runs"), "{}/runs") for word in calls["membership ensemble"]]

    def runs_with_pickle(folder: Path) -> None:
        shutil.copytree(world / "runs", folder / "runs")
        file = folder / "runs/0/aux_arrays.npz"
        file.write_bytes(_npz_pickle(file, "subsample_idx", folder / "canary"))

    yield Attempt("pickles", "membership ensemble: aux_arrays.npz", runs, runs_with_pickle)

    def left_behind(folder: Path) -> None:
        words = [*calls["train"], "--out", str(folder / "first")]
        outcome = call(words)
        assert outcome.code == 0, outcome.err
        card = folder / "first/network.card.json"
        unfinished = folder / f"first/.network.{json.loads(card.read_text())['hash'][:12]}.part"
        card.unlink()
        shutil.rmtree(folder / "first/network")
        unfinished.mkdir()
        (unfinished / "resume.pt").write_bytes(_torch_zip(folder / "canary"))

    words = [*calls["train"], "--out", "{}/first"]
    yield Attempt("pickles", "train: resume.pt left in the study", words, left_behind)


def _plain_pickle(canary: Path) -> bytes:
    return pickle.dumps(Payload(canary))


def _torch_zip(canary: Path) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(Payload(canary), buffer)
    return buffer.getvalue()


def _torch_state(canary: Path) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save({"state_dict": {"weight": torch.zeros(2)}, "optimizer": Payload(canary)}, buffer)
    return buffer.getvalue()


def _npy_pickle(canary: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload(canary)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _npz_pickle(file: Path, key: str, canary: Path) -> bytes:
    arrays: dict[str, Any] = dict(np.load(file))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.save(entry, array)
            content = _npy_pickle(canary) if name == key else entry.getvalue()
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def _cifar(batch: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        root = folder / "cifar/cifar-10-batches-py"
        root.mkdir(parents=True)
        pixels = np.zeros((4, 3072), dtype=np.uint8)
        whole = {b"data": pixels, b"labels": [0, 1, 2, 3], b"filenames": [b"a", b"b", b"c", b"d"]}
        names = {b"label_names": [f"c{row}".encode() for row in range(10)]}
        for name in (*(f"data_batch_{row}" for row in range(1, 6)), "test_batch"):
            (root / name).write_bytes(pickle.dumps(whole, protocol=2))
        (root / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
        (root / batch).write_bytes(pickle.dumps({b"data": Payload(folder / "canary")}, protocol=2))

    return prepare


def _yaml(calls: dict[str, list[str]]) -> Iterator[Attempt]:
    tags = (
        "!!python/object/apply:os.system ['touch {}/canary']",
        "!!python/object/new:os.system ['touch {}/canary']",
        "!!python/object/apply:subprocess.check_output [['touch', '{}/canary']]",
        "!!python/name:os.system",
        "!!python/module:evil",
    )
    for tag in tags:
        for command in ("train", "audit", "convert"):

            def prepare(folder: Path, tag: str = tag) -> None:
                _write_evil(folder)
                (folder / "o.yaml").write_text("seed: " + tag.replace("{}", str(folder)) + "\n")

            words = [*calls[command], "--config", "{}/o.yaml"]
            if command == "convert":
                words = ["convert", "--checkpoint", "{}/o.yaml"]
            yield Attempt("YAML tags", f"{command}: {tag.split()[0]}", words, prepare)


def _names(calls: dict[str, list[str]], world: Path) -> Iterator[Attempt]:
    """Names that lead out of their folder, and links."""

    def npz_entry(folder: Path) -> None:
        with zipfile.ZipFile(folder / "a.npz", "w") as archive:
            archive.writestr("../../canary.npy", _npy_bytes())
            archive.writestr("../canary", b"x")

    words = ["membership", "bound", "--arrays", "{}/a.npz"]
    yield Attempt("names that lead away", "membership bound: npz entry ../../x", words, npz_entry)

    def class_file(folder: Path) -> None:
        images = {"images": np.zeros((8, 3, 8, 8), np.uint8), "labels": np.arange(8) % 2}
        names = np.array(["../../canary", "b"])
        np.savez(folder / "i.npz", **images, classes=names, names=np.array(["../canary"] * 8))

    words = ["data", "crops", "--crop=corner", "--min-crop-px=1", "--data", "{}/i.npz", "--size=8"]
    yield Attempt("names that lead away", "data crops: class ../../x", words, class_file)

    def boxes_name(folder: Path) -> None:
        shutil.copytree(world / "boxes", folder / "boxes")
        for file in (folder / "boxes").rglob("*.xml"):
            text = file.read_text().replace(
                "<annotation>", "<annotation><filename>../../canary</filename>"
            )
            file.write_text(text)

    words = [word.replace(str(world / "boxes"), "{}/boxes") for word in calls["data crops"]]
    yield Attempt("names that lead away", "data crops: filename ../../x in XML", words, boxes_name)

    def out_link(folder: Path) -> None:
        (folder / "victim").mkdir()
        (folder / "victim/secret.txt").write_text(SECRET)
        (folder / "study").mkdir()
        for name in ("crops", ".crops.part"):
            (folder / "study" / name).symlink_to(folder / "victim")

    words = [*calls["data crops"], "--out", "{}/study"]
    yield Attempt("names that lead away", "data crops: OUT/crops is a link", words, out_link)

    def file_link(folder: Path) -> None:
        (folder / "victim").mkdir()
        (folder / "victim/secret.txt").write_text(SECRET)
        (folder / "study").mkdir()
        for name in ("summary.json", "options.yaml", "report.html", ".summary.json.part"):
            (folder / "study" / name).symlink_to(folder / "victim/secret.txt")

    for command in ("membership bound", "leave-one-out fit"):
        words = [*calls[command], "--out", "{}/study"]
        name = f"{command}: OUT/summary.json is a link"
        yield Attempt("names that lead away", name, words, file_link)

    def gallery(folder: Path) -> None:
        (folder / "victim").mkdir()
        (folder / "victim/secret.txt").write_text(SECRET)
        words = ["leave-one-out", "fit", "--data", str(world / "train")]
        outcome = call([*words, "--out", str(folder / "study")])
        assert outcome.code == 0, outcome.err
        for file in (folder / "study").rglob("image_*.png"):
            file.unlink()
            file.symlink_to(folder / "victim/secret.txt")

    words = ["report", "--out", "{}/study"]
    yield Attempt("names that lead away", "report: a picture ../../x", words, gallery)
    for command in ("audit", "train"):
        words = [*calls[command], "--config", "/etc/passwd"]
        name = f"{command}: --config /etc/passwd"
        yield Attempt("names that lead away", name, words, lambda folder: None)


def _npy_bytes() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def _xml(calls: dict[str, list[str]], world: Path) -> Iterator[Attempt]:
    bodies = {
        "an external entity": (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file://{}/victim/secret.txt">]>'
            "<annotation><object><name>&x;</name><bndbox><xmin>&x;</xmin><ymin>1</ymin><xmax>9</xmax>"
            "<ymax>9</ymax></bndbox></object></annotation>"
        ),
        "an external DTD": '<!DOCTYPE a SYSTEM "file://{}/victim/secret.txt"><annotation/>',
        "a billion laughs": (
            '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + "".join(
                f'<!ENTITY {chr(98 + row)} "{f"&{chr(97 + row)};" * 10}">' for row in range(9)
            )
            + "]><annotation><object><name>&j;</name></object></annotation>"
        ),
        "10⁶ elements inside one another": "<annotation>" + "<a>" * 10**6,
    }
    for what, body in bodies.items():

        def prepare(folder: Path, body: str = body) -> None:
            (folder / "victim").mkdir()
            (folder / "victim/secret.txt").write_text(SECRET)
            shutil.copytree(world / "boxes", folder / "boxes")
            (folder / "boxes/ant/train00.xml").write_text(body.replace("{}", str(folder)))

        for command in ("data crops", "data describe"):
            words = [word.replace(str(world / "boxes"), "{}/boxes") for word in calls[command]]
            yield Attempt("XML", f"{command}: {what}", words, prepare)


def try_attempt(attempt: Attempt, folder: Path) -> Row:
    """Run one attempt in a fresh folder; return how it went."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    attempt.prepare(folder)
    for canary in _canaries(folder):
        canary.unlink(missing_ok=True)
    words = [word.replace("{}", str(folder)) for word in attempt.words]
    out = [] if "--out" in words else ["--out", str(folder / "out")]
    outcome = call([*words, *out], before=lambda: os.chdir(folder))
    if any(canary.exists() for canary in _canaries(folder)):
        return Row(attempt.group, attempt.name, "the canary is there: code ran")
    secret = folder / "victim/secret.txt"
    if secret.parent.exists():
        if not secret.exists() or secret.read_text() != SECRET:
            return Row(attempt.group, attempt.name, "changed a file that is not its own")
        if sorted(secret.parent.iterdir()) != [secret]:
            return Row(attempt.group, attempt.name, "wrote into a folder that is not its own")
    if SECRET in outcome.out + outcome.err or _holds(folder, SECRET, secret):
        return Row(attempt.group, attempt.name, "let a file out that is not its business")
    if outcome.code not in (0, 2) or "Traceback" in outcome.err:
        return Row(attempt.group, attempt.name, f"exit code {outcome.code}: {outcome.err[-300:]}")
    if outcome.seconds > TIME_LIMIT_S or outcome.peak_bytes > MEMORY_LIMIT_BYTES:
        used = f"{outcome.seconds:.1f} s, {outcome.peak_bytes / 1e9:.1f} GB"
        return Row(attempt.group, attempt.name, used)
    return Row(attempt.group, f"{attempt.name}: {outcome.sentence}")


def _canaries(folder: Path) -> list[Path]:
    return [place / name for place in (folder, folder.parent, folder.parent.parent, folder / "out")
            for name in ("canary", "canary.npy", "canary.png")]  # fmt: skip


def _holds(folder: Path, text: str, but: Path) -> bool:
    """Return whether any file that was written holds the text, plain or as base64."""
    import base64

    forms = [text.encode(), base64.b64encode(text.encode())[:20]]
    return any(
        form in path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.resolve() != but.resolve()
        for form in forms
    )


def main() -> int:
    """Try everything and print the table; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--match", default="", help="only attempts whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="print what each call answered")
    arguments = parser.parse_args()
    root = arguments.out.resolve()
    shutil.rmtree(root, ignore_errors=True)
    world = make_world(root)
    import_heavy()
    rows = []
    for attempt in attempts(world):
        if arguments.match in f"{attempt.group}/{attempt.name}":
            rows.append(try_attempt(attempt, root / "below" / "attempt"))
            if rows[-1].lost:
                print(f"{attempt.name}: {rows[-1].lost}", file=sys.stderr, flush=True)
    if arguments.verbose:
        print("\n".join(f"{row.what} | {row.detail}" for row in rows))
    return min(print_rows("attempt to run code or reach away", rows), 1)


if __name__ == "__main__":
    sys.exit(main())
