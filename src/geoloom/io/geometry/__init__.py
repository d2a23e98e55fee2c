"""Where the pixels of one grid lie on another, and how much of it each one covers."""
