"""One verb a file: its arguments, options and help. What it does lies in the step of the same name."""
