"""Images, labels and boxes: where they come from, how they are split, cropped and augmented."""
