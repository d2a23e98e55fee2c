"""Networks for any number of bands, the registry that names them, and the folder a trained one lives in."""
