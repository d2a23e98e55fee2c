"""Pictures of arrays, scenes and matrices, for reports and papers; matplotlib is imported when one is drawn."""
