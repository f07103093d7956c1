"""Studies that vary one thing and attack at every value."""
