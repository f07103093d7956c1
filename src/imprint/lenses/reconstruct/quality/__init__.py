"""How close generated images come to real ones, on features of a network that the user names."""
