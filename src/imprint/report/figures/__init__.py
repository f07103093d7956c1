"""How each kind of figure is drawn: one module a kind, from a description in ``report.figure``."""
