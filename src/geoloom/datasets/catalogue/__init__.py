"""The benchmark datasets of the literature, one declaration a file, named as on the command line."""
