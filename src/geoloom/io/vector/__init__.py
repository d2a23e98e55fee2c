"""Vector layers, and features burned onto grids."""
