import numpy as np

from imprint.probe.annotators.zero_shot import TagList

WORDS = ("sky", "sea", "grass", "stone", "a dog")


def tag_list(threshold: float = 0.0) -> TagList:
    return TagList(WORDS, np.full(len(WORDS), threshold))
