"""Steps of the reconstruction lens: from encoders and images to diffusion models and samples."""
