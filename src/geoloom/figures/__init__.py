"""Pictures of arrays, scenes and matrices; matplotlib is imported when one is drawn."""
