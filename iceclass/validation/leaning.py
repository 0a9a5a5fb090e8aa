"""What a model would say if some of its classes were likelier, or less likely, everywhere.

Where two phases overlap, finding more of the one costs some of the other; the choices there are
form a curve, and the model as it is is a point on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.frame import Frame
from iceclass.model.network import Model

LEANINGS = tuple(float(x) for x in np.arange(-6.0, 6.5, 0.5))
"""What is added to the logarithm of the classes' odds."""

_TINY = 1e-30
"""Added to probabilities before their logarithm."""


def leaned(model: Model, frame: Frame, likelier: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(len(LEANINGS), N) the most probable class if ``likelier``, (C,), were so by each factor.

    Nothing is called unknown here: the probabilities alone decide.
    """
    chances = np.log(model.classify(frame, unknown=False).probabilities + _TINY)
    return np.stack([(chances + shift * likelier).argmax(axis=1) for shift in LEANINGS])
