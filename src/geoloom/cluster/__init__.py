"""A prediction's work spread over a Dask cluster: `dask.DaskEngine` is a runner of `inference.runners`."""
