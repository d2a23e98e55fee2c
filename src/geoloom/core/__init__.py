"""Values that every layer shares: grids, intervals, bands, queries, errors. No I/O, no torch."""
