"""Writers of labelled frames and tables, atomic and resumable."""
