"""Other programs, each wrapped once; nothing else in iceclass knows them."""
