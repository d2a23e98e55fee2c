"""From samples to batches: data modules, orders, shares of devices, seeds, going on after a stop."""
