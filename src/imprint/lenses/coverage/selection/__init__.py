"""Which tests to keep and which to run first, by what they cover and how sure a network is."""
