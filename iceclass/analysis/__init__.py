"""What is counted in labelled frames: clusters, profiles along an axis, means with their errors."""
