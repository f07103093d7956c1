"""Where images come from: one module a layout on disk, and the embedded set."""
