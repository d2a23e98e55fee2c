"""What datasets known by name have in common: their declaration, their files; the samples of benchmarks."""
