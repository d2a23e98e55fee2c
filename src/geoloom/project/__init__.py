"""Projects: the steps of a piece of work, when one has to be done again, and how it was done."""
