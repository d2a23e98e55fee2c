"""Settings for kinds of labels, taken in place of those that are not given."""
