"""Files to arrays and back: any raster onto any grid, features burned, products streamed. No torch."""
