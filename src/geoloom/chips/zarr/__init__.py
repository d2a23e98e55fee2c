"""How chips lie on disk: a zarr 3 group, written and read chip by chip."""
