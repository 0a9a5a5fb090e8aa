"""iceclass tells, molecule by molecule, which phase of water a simulation holds."""

from iceclass._version import __version__

__all__ = ["__version__"]
