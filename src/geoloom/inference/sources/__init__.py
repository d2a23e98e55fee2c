"""What a map can be made from: a file, several files, a folder, a dataset, each as a `Source`."""
