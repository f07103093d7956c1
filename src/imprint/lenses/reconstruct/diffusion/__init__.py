"""A diffusion model conditioned on representations: network, noise, loss, training, sampling."""
