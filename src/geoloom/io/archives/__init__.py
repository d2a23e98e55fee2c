"""Archives: what they hold, and how it comes into a folder, whole and nowhere else."""
