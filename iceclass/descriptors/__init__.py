"""Descriptors of molecular environments: families, named presets, and the road back from a dict."""

from iceclass.descriptors.base import Descriptor
from iceclass.descriptors.registry import descriptor, from_dict, presets

__all__ = ["Descriptor", "descriptor", "from_dict", "presets"]
