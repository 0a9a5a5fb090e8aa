"""Figures of merit in words, the same in the model card and the report."""

from __future__ import annotations

import math

from iceclass.model.summary import ClassFigures
from iceclass.phases import label_of

NOTHING = "–"
"""Where there is no number."""


def percent(value: float | None) -> str:
    """A share as percent, two digits or as many more as keep 99.99… apart from 100."""
    if value is None or math.isnan(value):
        return NOTHING
    if 0.0 < value < 0.00005:
        return "< 0.01 %"
    digits = 2
    while value < 1.0 and digits < 6 and f"{100 * value:.{digits}f}".startswith("100"):
        digits += 1
    return f"{100 * value:.{digits}f} %"


def count(value: int) -> str:
    """12345 → ``12 345``."""
    return f"{value:,}".replace(",", " ")


def file_size(size: int) -> str:
    """Bytes as kB or MB."""
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def decided(key: str) -> str:
    """A key of what a record tells of its validation, in words."""
    return "phases without validation" if key == "phases_without" else key.replace("_", " ")


def confused_with(figures: ClassFigures) -> str:
    """What a class was mistaken for: ``ice Ic 0.30 %, unknown 0.09 %``; a dash for nothing."""
    shares = (f"{label_of(name)} {percent(share)}" for name, share in figures.confused_with.items())
    return ", ".join(shares) or NOTHING


def of_labels(names: tuple[str, ...]) -> str:
    """``ice Ih, ice Ic and water``."""
    labels = [label_of(name) for name in names]
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def confusion_sentence(name: str, figures: ClassFigures, *, known: bool = True) -> str:
    """One row of the confusion matrix; ``known``: the phase is one of the model's classes."""
    label = label_of(name)
    if figures.rows == 0:
        return f"{label}: none of it was tested."
    if not known:
        return f"{label} is none of the model's classes; it is labelled {confused_with(figures)}."
    if not figures.confused_with:
        return f"{label}: all {count(figures.rows)} right."
    return f"{label}: {percent(figures.recall)} right, the rest taken for {confused_with(figures)}."
