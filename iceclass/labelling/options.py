"""How molecules are labelled and what becomes of the labels: one value each, for all callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from iceclass.analysis.observer import Observer
from iceclass.labelling.selection import Region, Selection

if TYPE_CHECKING:
    from iceclass.labelling.labels import Labels


@dataclass(frozen=True)
class LabelOptions:
    """How the molecules of a frame are labelled.

    Attributes
    ----------
    unknown
        Whether a molecule unlike anything in the training set is labelled unknown (−1).
    regions
        Label the molecules in all of them only; all others are seen as neighbours, have the label
        −2 and are not counted.
    select
        An expression: label only the molecules that it is true of, as of
        :class:`~iceclass.labelling.selection.Selection`; otherwise as ``regions``.
    backend
        Implementation of the descriptor; default: the fast one.
    compare
        Other methods to ask about each molecule, of
        :data:`iceclass.analysis.comparison.OPINIONS`: a column each in a labelled trajectory.
    observers
        Name → what else is to be recorded of each frame, as :attr:`Labels.observed
        <iceclass.labelling.labels.Labels.observed>`.
    """

    unknown: bool = True
    regions: tuple[Region, ...] = ()
    select: Selection | str | None = None
    backend: str | None = None
    compare: tuple[str, ...] = ()
    observers: Mapping[str, Observer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        if isinstance(self.select, str):
            object.__setattr__(self, "select", Selection(self.select))

    @property
    def conditions(self) -> tuple[Region | Selection, ...]:
        """What a molecule has to fulfil to be labelled: ``regions`` and ``select``."""
        assert not isinstance(self.select, str)
        return self.regions if self.select is None else (*self.regions, self.select)


@dataclass(frozen=True)
class OutputOptions:
    """What becomes of the labels.

    Attributes
    ----------
    force
        Replace an existing output.
    keep_labels
        Keep every label and probability in the result. ``False``: what is known of each frame
        stays in a file and is read when it is asked for, so that memory is the same for any
        number of frames, and a run that was stopped can go on where it was.
    finish
        Called with the result before the output gets its final name, to write files beside it.
    """

    force: bool = False
    keep_labels: bool = True
    finish: Callable[[Labels], None] | None = None


def with_changes(options: tuple[Any, ...], changes: Mapping[str, Any]) -> tuple[Any, ...]:
    """The option values, each with those of its attributes replaced that ``changes`` names.

    Raises
    ------
    TypeError
        None of them has an attribute of that name.
    """
    owner = {f.name: k for k, value in enumerate(options) for f in fields(value)}
    for name in changes:
        if name not in owner:
            near = get_close_matches(name, owner, n=1)
            raise TypeError(
                f"there is no option {name!r}" + (f": did you mean {near[0]!r}?" if near else "")
            )
    return tuple(
        replace(value, **{name: new for name, new in changes.items() if owner[name] == k})
        for k, value in enumerate(options)
    )
