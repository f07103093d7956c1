"""What the encoders of a two-model test recall, seen through diffusion models of both."""
