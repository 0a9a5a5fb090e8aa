"""How a trajectory is read: one value for what every reader and command has to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from iceclass.errors import InputError

OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class ReadOptions:
    """How a trajectory is read.

    Attributes
    ----------
    types
        Type (number or label), atom name or element → element, where the file does not tell or
        tells wrong: ``{1: "O", 2: "H"}``. Types that are not named are hydrogens only if the file
        shows so.
    topology
        A file that tells what the atoms are, for formats that do not: XTC, TRR, DCD.
    start, stop, every
        Which frames of the file: as in ``range(start, stop, every)``, none of them negative.
        To start where the file ends gives no frames, to start beyond is an error.
    on_error
        ``"raise"``, or ``"skip"`` to go on without damaged frames.

    Raises
    ------
    InputError
        A value that is none of these.
    """

    types: Mapping[Any, str] | None = None
    topology: str | Path | None = None
    start: int = 0
    stop: int | None = None
    every: int = 1
    on_error: OnError = "raise"

    def __post_init__(self) -> None:
        if self.start < 0 or self.every < 1 or (self.stop is not None and self.stop < 0):
            raise InputError(
                f"frames from {self.start} to {self.stop} in steps of {self.every} cannot be read",
                hint="start and stop count from 0, every from 1",
            )
        if self.on_error not in ("raise", "skip"):
            raise InputError(f"on_error is {self.on_error!r}", hint="known: raise, skip")

    @classmethod
    def of(cls, options: Self | None, changes: Mapping[str, Any]) -> Self:
        """The options, or the default ones, with some of them changed.

        Raises
        ------
        TypeError
            There is no option of that name, or ``options`` are none.
        """
        if options is not None and not isinstance(options, cls):
            raise TypeError(
                f"options are a {type(options).__name__}, expected ReadOptions: "
                "write types=… to tell the types"
            )
        return replace(cls() if options is None else options, **changes)

    @property
    def frames(self) -> tuple[int, int | None, int]:
        """``start, stop, every``."""
        return self.start, self.stop, self.every
