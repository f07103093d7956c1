"""How models like the one under audit are trained: shadow models, one file a kind of model."""
