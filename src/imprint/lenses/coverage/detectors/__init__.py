"""Coverage of detectors: blocks, and quality without leading neurons."""
