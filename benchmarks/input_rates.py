"""Images per second from disk to uint8 batches: imprint's sources and the tools one would take.

One table of one run. Two kinds of work, in random order where a reader has one: whole images of
64 x 64 (a folder of small JPEGs), and the centre 224 x 224 of 500 x 375 (crops of scikit-learn's
two photographs, made here). Every reader gets the same files, in its own form, from the page cache;
the sum of its pixels is held against that of ImageFolder + Pillow. With one worker a reader has one
core, with two workers two. Each row is a process of its own; one pass to warm up, then passes for
about ``--seconds`` in each of ``--repeats``.

    python benchmarks/input_rates.py --small FOLDER
    python benchmarks/input_rates.py --small FOLDER --peers VENV/bin/python

``--peers`` names the Python that has datasets, webdataset and litdata; what is missing there is a
row without numbers.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from input_readers import READERS, SHARDS, Work, cpu_seconds

BASE = "ImageFolder + Pillow"
KINDS = {"64": Work(64, False, 1), "224 of 500": Work(224, True, 1)}


def main() -> None:
    """Make the sets, measure every reader, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=Path, help="class folders of JPEGs of 64 x 64")
    parser.add_argument("--small-count", type=int, default=4000)
    parser.add_argument("--large-count", type=int, default=400)
    parser.add_argument("--peers", default=sys.executable, help="Python of the other tools")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="rows with this in their name")
    parser.add_argument("--rows", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.peers = os.path.abspath(options.peers)
    if options.rows:
        for row in json.loads(options.rows):
            print(json.dumps({**row, **measure(**row)}), flush=True)
        return
    with tempfile.TemporaryDirectory() as made:
        places = {"64": Path(made) / "64", "224 of 500": Path(made) / "500"}
        link_some(options.small, places["64"] / "folder", options.small_count)
        make_photos(places["224 of 500"] / "folder", options.large_count)
        for place in places.values():
            write_forms(place, options.peers)
        print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
        for workers in (1, 2):
            rows = [
                row_of(name, kind, place, workers, options)
                for kind, place in places.items()
                for name in READERS
                if options.only in name or name == BASE
            ]
            measured = in_process(sys.executable, rows, ours=True)
            measured |= in_process(options.peers, rows, ours=False)
            for kind in places:
                print_table(kind, workers, measured)
        print(f"load after: {os.getloadavg()[0]:.1f}")


def row_of(
    name: str, kind: str, place: Path, workers: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Return what is measured in one row."""
    return {
        "name": name, "place": str(place / READERS[name][1]), "kind": kind, "workers": workers,
        "seconds": options.seconds, "repeats": options.repeats,
    }  # fmt: skip


def print_table(kind: str, workers: int, measured: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Print the rows of one kind of work."""
    missing = {"missing": "failed"}
    rows = {name: measured.get((kind, name), missing) for name in READERS}
    base = rows[BASE]
    print(f"\n{kind}, {workers} worker{'s' if workers > 1 else ''} (load {os.getloadavg()[0]:.1f})")
    print("| reader | per CPU s | spread | x Pillow | per s | spread | x Pillow | pixels |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, row in rows.items():
        if "missing" in row:
            print(f"| {name} | {row['missing']} | | | | | | |")
            continue
        equal = "equal" if row["sum"] == base.get("sum") else "other"
        cells = [rate for unit in ("cpu", "wall") for rate in rates(row, base, unit)]
        print(f"| {name} | {' | '.join(cells)} | {equal}, {row['images']} |", flush=True)


def rates(row: dict[str, Any], base: dict[str, Any], unit: str) -> tuple[str, str, str]:
    """Return median, range and ratio to the base."""
    median = statistics.median(row[unit])
    ratio = median / statistics.median(base[unit]) if unit in base else float("nan")
    spread = f"{min(row[unit]):,.0f} to {max(row[unit]):,.0f}"
    return f"{median:,.0f}", spread, f"{ratio:.2f}"


def in_process(
    python: str, rows: list[dict[str, Any]], ours: bool
) -> dict[tuple[str, str], dict[str, Any]]:
    """Measure rows one after another in a process of a Python, ours or the others'."""
    own = [row for row in rows if (READERS[row["name"]][0] == "imprint") == ours]
    cores = sorted(os.sched_getaffinity(0))[: own[0]["workers"]]
    done = subprocess.run(
        [python, __file__, "--rows", json.dumps(own)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {(line["kind"], line["name"]): line for line in lines}


def measure(
    name: str, place: str, kind: str, workers: int, seconds: float, repeats: int
) -> dict[str, Any]:
    """Return the rates of one reader, and what it read in its first pass."""
    package, _, make = READERS[name]
    if importlib.util.find_spec(package) is None or not Path(place).exists():
        return {"missing": "not installed"}
    work = Work(KINDS[kind].side, KINDS[kind].crops, workers)
    one_pass = make(place, work)
    total = images = 0
    for batch in one_pass():
        images += len(batch)
        total += sum(zlib.crc32(np.ascontiguousarray(square)) for square in batch)
    used = cpu_seconds()
    sum(len(batch) for batch in one_pass())
    passes = max(1, round(seconds / max(cpu_seconds() - used, 0.001)))
    wall, cpu = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), cpu_seconds()
        read = sum(len(batch) for _ in range(passes) for batch in one_pass())
        wall.append(read / (time.perf_counter() - start))
        cpu.append(read / max(cpu_seconds() - used, 0.01))
        if read != passes * images:
            return {"missing": f"failed: {read} images of {passes * images}"}
    shown = f"{name}, {kind}, {workers}: {statistics.median(cpu):,.0f} per CPU second"
    print(shown, file=sys.stderr, flush=True)
    return {"images": images, "sum": total, "wall": wall, "cpu": cpu}


def link_some(source: Path, folder: Path, count: int) -> None:
    """Link some of the JPEGs of a folder, as many of each class, into class folders."""
    files = sorted(source.glob("*/images/*.JPEG")) or sorted(source.glob("*/*.JPEG"))
    if not files:
        raise SystemExit(f"{source} has no CLASS/NAME.JPEG")
    for row in np.linspace(0, len(files) - 1, min(count, len(files))).astype(int).tolist():
        file = files[row]
        label = file.parent.parent.name if file.parent.name == "images" else file.parent.name
        (folder / label).mkdir(parents=True, exist_ok=True)
        os.link(file, folder / label / f"{file.stem}.jpg") if _same_disk(file, folder) else (
            folder / label / f"{file.stem}.jpg"
        ).write_bytes(file.read_bytes())


def _same_disk(file: Path, folder: Path) -> bool:
    return file.stat().st_dev == folder.stat().st_dev


def make_photos(folder: Path, count: int) -> None:
    """Write crops of scikit-learn's two photographs, 500 x 375 at quality 90."""
    from decode import make_photos as write_photos

    folder.mkdir(parents=True)
    write_photos(folder, count)


def write_forms(place: Path, peers: str) -> None:
    """Write the images of ``place/folder`` in every other form."""
    files = sorted((place / "folder").glob("*/*"))
    names = [file.relative_to(place / "folder").as_posix() for file in files]
    classes = sorted({name.partition("/")[0] for name in names})
    labels = [classes.index(name.partition("/")[0]) for name in names]
    order = np.random.default_rng(0).permutation(len(files))
    for number, part in enumerate(np.array_split(order, SHARDS)):
        (place / "shards").mkdir(exist_ok=True)
        with tarfile.open(place / "shards" / f"s-{number:03d}.tar", "w") as archive:
            for row in part.tolist():
                stem = names[row].removesuffix(".jpg")
                label = str(labels[row]).encode()
                for name, content in ((".jpg", files[row].read_bytes()), (".cls", label)):
                    member = tarfile.TarInfo(stem + name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    write_tables(place, [file.read_bytes() for file in files], labels, classes)
    write_pack(place)
    code = "import sys; from pathlib import Path; from input_readers import write_litdata; "
    code += "write_litdata(Path(sys.argv[1]), Path(sys.argv[2]))"
    subprocess.run(
        [peers, "-c", code, str(place / "folder"), str(place / "litdata")],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parent,
    )


def write_tables(place: Path, contents: list[bytes], labels: list[int], classes: list[str]) -> None:
    """Write what ``save_to_disk`` of datasets writes, and a Parquet file as on the Hub."""
    import pyarrow as pa
    from pyarrow import parquet

    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    image = pa.array([{"bytes": content, "path": None} for content in contents], kind)
    features = {
        "image": {"_type": "Image"},
        "label": {"names": classes, "_type": "ClassLabel"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"image": image, "label": pa.array(labels, pa.int64())})
    table = table.replace_schema_metadata(metadata)
    arrow = place / "arrow"
    arrow.mkdir()
    name = "data-00000-of-00001.arrow"
    with pa.OSFile(str(arrow / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table, max_chunksize=100)
    state = {
        "_data_files": [{"filename": name}], "_fingerprint": "0" * 16, "_format_columns": None,
        "_format_kwargs": {}, "_format_type": None, "_output_all_columns": False, "_split": None,
    }  # fmt: skip
    (arrow / "state.json").write_text(json.dumps(state))
    info = {"citation": "", "description": "", "homepage": "", "license": "", "features": features}
    (arrow / "dataset_info.json").write_text(json.dumps(info))
    (place / "parquet" / "data").mkdir(parents=True)
    parquet.write_table(
        table,
        place / "parquet" / "data" / "train-00000-of-00001.parquet",
        row_group_size=100,
        compression="none",
        use_dictionary=False,
    )


def write_pack(place: Path) -> None:
    """Write a packed store."""
    from imprint.data.open import open_images
    from imprint.data.packed.write import write_pack as pack

    (place / "packed").mkdir()
    pack(open_images(place / "folder"), place / "packed")


if __name__ == "__main__":
    main()
