"""Lower bounds on epsilon, and what theory allows an attack."""
