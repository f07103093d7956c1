import numpy as np
from PIL import Image

WNIDS = ("n01440764", "n01443537")

SIZES = ((40, 20), (25, 30), (32, 32))


def folder_of_images(root, words=True):
    drawn = np.random.default_rng(1)
    for wnid in WNIDS:
        (root / "train" / wnid).mkdir(parents=True)
        for number, (width, height) in enumerate(SIZES):
            pixels = drawn.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "train" / wnid / f"{wnid}_{number}.JPEG")
    if words:
        (root / "words.txt").write_text(f"{WNIDS[0]}\ttench, Tinca\n{WNIDS[1]}\tgold_fish\n")
    return root
