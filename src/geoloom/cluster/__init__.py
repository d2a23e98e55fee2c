"""A prediction's work spread over a Dask cluster: `dask.DaskEngine` is an engine of `inference.engines`."""
