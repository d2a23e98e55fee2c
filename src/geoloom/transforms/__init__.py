"""Between the file and the network: indices, quality masks, normalisation, augmentation."""
