"""Images that need no place on Earth: PNG, JPEG, TIFF and arrays in HDF5, as (C, H, W). No torch."""
