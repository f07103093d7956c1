"""WebDataset shards: tars of images and their labels, read by offset."""
