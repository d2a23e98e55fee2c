"""What benchmark datasets have in common: their declaration, their files, the samples in them."""
