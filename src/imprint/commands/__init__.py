"""One dataclass of options a command; its ``run`` imports the library and calls it once."""
