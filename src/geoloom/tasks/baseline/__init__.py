"""A forest of pixels beside the network: what the same labels teach without one."""
