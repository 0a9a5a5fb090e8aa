"""Paths of molecules through periodic boundaries, from one frame to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame


def unwrapped(frames: Sequence[Frame]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Paths of the molecules: (T, N, 3) fractional coordinates, and the (T, 3, 3) cells in Å.

    Unwrapped by the minimum image between consecutive frames, which holds as long as nothing
    moves half a box between them. A box that was flipped into an equivalent one in between is
    flipped back, so a cell here may be another one of the same lattice than the frame's.

    Raises
    ------
    InputError
        No frame, or frames of different numbers of molecules.
    """
    first = checked_frames(frames)[0]
    cells = [np.array(first.cell)]
    path = [_fractional(first, first.cell)]
    for k, frame in enumerate(frames[1:], 1):
        if frame.n_molecules != first.n_molecules:
            raise InputError(
                f"has {frame.n_molecules} molecules, expected {first.n_molecules}", frame=k
            )
        # the multiples of this frame's vectors that make up the last frame's: 1 but for a flip
        cell = np.round(cells[-1] @ np.linalg.inv(frame.cell)) @ frame.cell
        step = _fractional(frame, cell) - path[-1]
        path.append(path[-1] + step - np.round(step))
        cells.append(cell)
    return np.array(path), np.array(cells)


def _fractional(frame: Frame, cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) positions in units of the rows of ``cell``."""
    return np.asarray((frame.positions - frame.origin) @ np.linalg.inv(cell))


def checked_frames(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames, of which there must be one at least.

    Raises
    ------
    InputError
        There is none.
    """
    if not len(frames):
        raise InputError("no frame to measure, expected one at least")
    return frames
