"""One kind of report for each kind of outputs: the only place that distinguishes them."""
