"""A packed store: all images of a set in one file that is read at random, with all about them."""
