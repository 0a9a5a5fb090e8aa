"""Compiled code that knows no physics: threads, vector registers, exp, sin and cos."""
