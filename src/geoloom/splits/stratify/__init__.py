"""Each split gets its share of every class: classes of samples, and units that are dealt out."""
