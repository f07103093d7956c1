"""Time and memory of reading the boxes of a large COCO file, beside the standard JSON parser.

Writes instances with polygons, as those of COCO have, and reads them in processes of their own.

    python benchmarks/box_files.py [--boxes 100000] [--scratch DIR]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CORNERS_OF_A_POLYGON = 25
BOXES_OF_AN_IMAGE = 7


def write(path: Path, boxes: int) -> None:
    """Write a file of so many boxes."""
    random = np.random.default_rng(0)
    images = [
        {"id": number, "file_name": f"{number:012d}.jpg", "width": 640, "height": 480}
        for number in range(boxes // BOXES_OF_AN_IMAGE + 1)
    ]
    with path.open("w") as file:
        file.write('{"info": {}, "images": ' + json.dumps(images) + ', "annotations": [')
        for number in range(boxes):
            polygon = random.uniform(0, 480, 2 * CORNERS_OF_A_POLYGON).round(2).tolist()
            entry = {
                "segmentation": [polygon],
                "area": 702.1,
                "iscrowd": 0,
                "image_id": number // BOXES_OF_AN_IMAGE,
                "bbox": random.uniform(0, 200, 4).round(2).tolist(),
                "category_id": 18,
                "id": number,
            }
            file.write((", " if number else "") + json.dumps(entry))
        file.write("]}")


def read(how: str, path: Path) -> None:
    """Read the file; print seconds and the growth of memory in MB."""
    from imprint.data.boxes.coco_file import read_coco_file

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    if how == "json":
        with path.open("rb") as file:
            content = json.load(file)
        count = len(content["annotations"])
    else:
        count = len(read_coco_file(path).boxes)
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{count} {seconds:.2f} {grown:.1f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=100_000)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--read", nargs=2)
    arguments = parser.parse_args()
    if arguments.read:
        read(arguments.read[0], Path(arguments.read[1]))
        return
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        path = Path(folder) / "instances.json"
        write(path, arguments.boxes)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {arguments.boxes} boxes")
        times = {}
        for how in ("json", "imprint"):
            command = [sys.executable, __file__, "--read", how, str(path)]
            count, seconds, grown = subprocess.run(
                command, check=True, capture_output=True, text=True
            ).stdout.split()
            times[how] = float(seconds)
            print(f"{how:8} {count} boxes  {seconds} s  {grown} MB more memory")
        print(f"imprint takes {times['imprint'] / times['json']:.1f} × the time of json.load")


if __name__ == "__main__":
    main()
