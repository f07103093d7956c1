"""Attributions of outputs to the neurons of every layer; each module registers one."""
