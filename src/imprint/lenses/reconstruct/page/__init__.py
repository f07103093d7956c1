"""The page of the reconstruction lens: section, tables, figure, terminal."""
