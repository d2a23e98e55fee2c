"""What files say about their pixels, read without reading any."""
