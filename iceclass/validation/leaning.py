"""What a model would say if some of its classes were likelier, or less likely, everywhere.

Where two phases overlap, finding more of the one costs some of the other; the choices there are
form a curve, and the model as it is is a point on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEANINGS = tuple(float(x) for x in np.arange(-6.0, 6.5, 0.5))
"""What is added to the logarithm of the classes' odds."""

_TINY = 1e-30
"""Added to probabilities before their logarithm."""


def leaned(probabilities: NDArray[np.float32], likelier: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(len(LEANINGS), N) the most probable class if ``likelier``, (C,), were so by each factor.

    Of (N, C) probabilities, which alone decide: nothing is called unknown here.
    """
    chances = np.log(probabilities + _TINY)
    return np.stack([(chances + shift * likelier).argmax(axis=1) for shift in LEANINGS])
