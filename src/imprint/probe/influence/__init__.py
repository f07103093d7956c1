"""Estimates of influence from one trained network; each module registers one by a decorator."""
