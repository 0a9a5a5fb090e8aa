"""Text as bytes: streams, blocks of lines, numbers parsed and formatted."""
