"""Class maps that are smoother than the network made them: what decides a pixel, and how blocks get there."""
