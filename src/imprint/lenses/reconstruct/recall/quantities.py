"""Names of what is averaged, for sentences."""

CLASS_SHARE = "share of samples classified as the original's class"
SIMILARITY = "cosine similarity of samples to the original"
