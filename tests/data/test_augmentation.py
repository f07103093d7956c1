import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data.augment import augment
from imprint.data.augmentation import Augmentation


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flip": 1.5}, "flip must be in [0, 1], got 1.5"),
        ({"jitter": -0.1}, "jitter must be in [0, 1], got -0.1"),
        ({"blur": math.nan}, "blur must be a finite number below 3.4e38, got nan"),
        ({"brightness": math.inf}, "brightness must be a finite number below 3.4e38, got inf"),
        ({"hue": 0.6}, "hue must be in [0, 0.5], got 0.6"),
        ({"crop": "random"}, "crop must be one of resized, padded, none, got 'random'"),
        ({"scale": (0.5, 0.1)}, "scale must be MINIMUM,MAXIMUM in (0, 1], got (0.5, 0.1)"),
        ({"scale": (0.0, 1.0)}, "scale must be"),
        ({"scale": (0.1, 1.5)}, "scale must be"),
        ({"scale": (0.1,)}, "scale must be"),
        ({"ratio": (1.0, math.inf)}, "ratio must be MINIMUM,MAXIMUM above 0, got (1.0, inf)"),
        ({"padding": -1}, "padding must be at least 0, got -1"),
        ({"blur_sigma": (0.0, 1.0)}, "blur_sigma must be MINIMUM,MAXIMUM above 0"),
        ({"blur_kernel": (4, 9)}, "blur_kernel must be two odd numbers, ACROSS,DOWN, got (4, 9)"),
        ({"solarise_from": 128}, "solarise_from must be in [0, 1], got 128"),
    ],
)
def test_impossible_settings_are_named(wrong, message):
    with pytest.raises(ImprintError, match=re.escape(message)):
        Augmentation(**wrong)


def test_colour_of_other_than_three_channels_stays_and_the_settings_are_named() -> None:
    chosen = Augmentation(
        crop="none", flip=0.0, jitter=1.0, brightness=0.0, contrast=0.0, grayscale=1.0
    )
    pixels = torch.randint(0, 256, (2, 12, 8, 8), dtype=torch.uint8)
    view = augment(pixels, chosen, 0, np.arange(2), 8)
    assert torch.allclose(view, pixels / 255)
    assert chosen.left_out(12) == ("saturation", "hue", "grayscale")
    assert chosen.left_out(3) == ()
    assert replace(chosen, jitter=0.0).left_out(4) == ("grayscale",)
