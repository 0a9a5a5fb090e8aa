"""Is a trajectory what it was made to be? Judged by physics, never by a classifier."""
