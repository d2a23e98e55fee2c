"""Ground divided among training, test and validation, so that their chips share none of it."""
