"""Training a diffusion model, and the files it leaves."""
