"""Options as users write them."""
