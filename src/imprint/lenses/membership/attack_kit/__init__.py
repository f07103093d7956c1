"""How attacks are run, evaluated and controlled; the attacks stand in ``attacks``."""
