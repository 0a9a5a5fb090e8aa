"""The command line: one short module per command; they parse, call the library, and render."""
