"""Ground that is shared, and what lies between places and times: measured on the ellipsoid."""
