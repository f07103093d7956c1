import torch

from imprint.train.options import TrainOptions

OPTIONS = TrainOptions(
    architecture="patch_convnet",
    architecture_options=(("width", "8"), ("depth", "1")),
    projector="16-8",
    epochs=4,
    batch_size=16,
    warmup_epochs=1,
    resume_every=1,
    snapshot_every=2,
)

CPU = torch.device("cpu")
