"""Options of a comparison that takes seconds."""

from imprint.train.retrain_options import RetrainOptions

SMALL = {
    "composite_count": 120,
    "classes": ("2",),
    "depth": 1,
    "records": 20,
    "queries": 4,
    "removed": 4,
    "pairs": 10,
    "subsets": 3,
    "subset_networks": 2,
    "input_size": 8,
    "device": "cpu",
    "json": True,
    "train": RetrainOptions(width=16, epochs=4, batch_size=8, learning_rate=0.1),
}
