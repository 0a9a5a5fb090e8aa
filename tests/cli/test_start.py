"""A quick start hides nothing for good, and leaves the collector of garbage as it was."""

import subprocess
import sys

CODE = """
import gc, sys
from iceclass.cli.start import load_compiled
load_compiled()
print(gc.isenabled(), gc.get_freeze_count() > 10_000, "scipy.linalg" in sys.modules)
import numba
import numpy as np
import scipy.linalg.cython_blas
print(numba.njit(lambda a, b: a @ b)(np.eye(2), np.ones(2)))
"""


def test_linear_algebra_is_there_for_whoever_asks_after_the_start():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True False", "[1. 1.]"]
