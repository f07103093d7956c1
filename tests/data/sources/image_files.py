import numpy as np
from PIL import Image

from imprint.data.geometry import whole_rectangles


def put_image(file, colour=(0, 0, 0), size=(6, 4)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file, "PNG")


def colour_of(images, index):
    """One pixel of a whole image read as a 2 × 2 square."""
    whole = whole_rectangles(images.sizes()[[index]])
    return images.read(np.array([index]), whole, 2)[0, :, 0, 0].tolist()


def names_of(images):
    return [images.name_of(index) for index in range(len(images))]
