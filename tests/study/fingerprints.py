import numpy as np

from imprint.study.fingerprint import fingerprint_of


def fingerprint(names="abc", contents=(1, 2, 3), labels=(0, 0, 1), boxes=None, facts="set"):
    digests = np.repeat(np.array(contents, dtype=np.uint8)[:, None], 32, axis=1)
    return fingerprint_of(facts, list(names), digests, np.array(labels), boxes)


OTHERS = {
    "content": fingerprint(contents=(1, 2, 4)),
    "name": fingerprint(names="abd"),
    "label": fingerprint(labels=(0, 1, 1)),
    "boxes": fingerprint(boxes=[[[0, 0, 1, 1]], [], []]),
    "no boxes": fingerprint(boxes=[[], [], []]),
    "facts": fingerprint(facts="other"),
    "order": fingerprint(names="bac"),
    "fewer": fingerprint("ab", (1, 2), (0, 0)),
}
