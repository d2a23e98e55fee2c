"""Getting at files: where they are, what their names say, and how their bytes are opened."""
