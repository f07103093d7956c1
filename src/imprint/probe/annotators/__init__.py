"""Networks that say what is in a picture, and where: tags of crops, boxes of images."""
