"""What every room may use: errors, seeds, registries, devices, progress, array types."""
