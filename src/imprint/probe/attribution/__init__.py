"""Attribution of outputs to neurons; the methods themselves stand in ``methods``."""
