"""Ground truth from retrained networks, and what closed forms are compared with."""
