"""Measuring all criteria at once: resampling, rarefaction, ceilings."""
