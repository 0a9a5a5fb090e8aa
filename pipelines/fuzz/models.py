"""Model files under attack; the digest is made right again, as a hostile hand would."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from iceclass.cli import info
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io import read
from iceclass.model.file import _digest, load_model, save_model, shipped_models
from pipelines.fuzz.cases import DATA, Case
from pipelines.fuzz.mutate import BINARY, DEEP, mutated, odd_json, odd_json_text

Arrays = dict[str, np.ndarray]
KINDS = ("f8", "f2", "i4", "u1", "i8", "?", "f4")
VALUES = (float("nan"), float("inf"), -1.0, 0.0, 3e38, 1e-45, 1e30)


class Payload:
    """Unpickling it would run a command."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, ("touch executed",)


def damaged_array(rng: Random, arrays: Arrays) -> None:
    """One of the arrays changed in type, shape, values or name, dropped, or doubled."""
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    how = rng.randrange(9)
    if how == 0:
        del arrays[name]
    elif how == 1:
        arrays[rng.choice(("extra", "", "mean", "weights.3", "novelty.means"))] = array
    elif how == 2:
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(rng.choice(KINDS))
    elif how == 3:
        shapes = [(-1,), (1, -1), (-1, 1), array.shape[::-1], (1, *array.shape), (*array.shape, 1)]
        arrays[name] = np.ascontiguousarray(array.reshape(rng.choice(shapes)))
    elif how == 4:
        arrays[name] = array[: rng.choice((0, 1, max(len(array) - 1, 0)))]
    elif how == 5:
        arrays[name] = np.repeat(array, 2, axis=rng.randrange(array.ndim)) if array.ndim else array
    elif how == 6:
        arrays[name] = array.copy()
        if array.size:
            arrays[name].flat[rng.randrange(array.size)] = rng.choice(VALUES)
    elif how == 7:
        arrays[name] = np.full_like(array, rng.choice(VALUES))
    else:
        arrays[name] = np.zeros((0, *array.shape[1:]), np.float32)


def whole(contents: dict[str, str], arrays: Arrays) -> bytes:
    """A model file of these strings and arrays, with the digest they have."""
    digest = _digest({k: v for k, v in contents.items() if k != "format"}, arrays)
    return save(arrays, contents | {"sha256": digest})


def strange_header(rng: Random, data: bytes) -> bytes:
    """The JSON of safetensors itself changed: types, shapes and places of the arrays."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    how = rng.random()
    if how < 0.7:
        name = rng.choice([name for name in header if name != "__metadata__"])
        entry = header[name]
        what = rng.choice(sorted(entry))
        entry[what] = rng.choice(
            (
                *([10**12], [10**12, 10**12], [2**63, 2], [0], [-1], [], "F64", "BF16", "F4", "X"),
                *([0, 0], [0, 2**63], [4, 0], [len(data), 2 * len(data)], None, 5, [[1]], [0.5]),
            )
        )
        text = json.dumps(header)
    elif how < 0.9:
        text = odd_json_text(rng, json.dumps(header))
    else:
        text = rng.choice(
            (DEEP, '{"__metadata__":' + DEEP + "}", '{"__metadata__":[]}', "[]", "{}")
        )
    raw = text.encode("utf-8", "surrogateescape")
    size = rng.choice((len(raw),) * 8 + (0, 1, 10**12, 2**63, 2**64 - 1, len(raw) + 1))
    return size.to_bytes(8, "little") + raw + data[8 + length :]


class ModelTarget:
    """The shipped models, and what may pretend to be one."""

    def __init__(self) -> None:
        shipped = shipped_models()
        self.seeds = [shipped["soap-37"].read_bytes()] * 9 + [shipped["soap-325"].read_bytes()]
        self.frame = self._frame()

    @staticmethod
    def _frame() -> Frame:
        return next(read(DATA / "ortho.lammpstrj"))

    def make(self, rng: Random) -> Case:
        data = rng.choice(self.seeds)
        how = rng.random()
        if how < 0.25:
            data = mutated(rng, data, BINARY)
        elif how < 0.40:
            data = strange_header(rng, data)
        elif how < 0.42:
            data = rng.choice(
                (pickle.dumps(Payload()), b"PK\x03\x04" + data, b"\x89HDF\r\n\x1a\n", b"")
            )
        else:
            data = self._signed(rng, data)
        return Case({"m.safetensors": data}, "load")

    def _signed(self, rng: Random, data: bytes) -> bytes:
        length = int.from_bytes(data[:8], "little")
        contents: dict[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
        contents.pop("sha256")
        arrays: Arrays = dict(load(data))
        for _ in range(rng.randint(1, 3)):
            if arrays and rng.random() < 0.4:
                damaged_array(rng, arrays)
                continue
            keys = sorted(contents)
            key = rng.choice([*keys, "descriptor", "descriptor", "descriptor"])
            if rng.random() < 0.05:
                contents.pop(key, None)
            elif key == "descriptor" and rng.random() < 0.5:
                contents[key] = self._descriptor(rng, contents.get(key, ""))
            elif key in contents:
                text = contents[key]
                contents[key] = odd_json_text(rng, text) if text[:1] in '{["' else text + "1"
        try:
            return whole(contents, arrays)
        except (TypeError, ValueError, UnicodeError):  # no such file can be made
            return data[: rng.randrange(len(data))]

    @staticmethod
    def _descriptor(rng: Random, text: str) -> str:
        """Another definition, often one that the checks of its family let pass."""
        try:
            definition = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if not isinstance(definition, dict):
            return text
        key = rng.choice(sorted(definition) or ["family"])
        values = [1, 2, 3, 10, 20, 100, 10**6, 10**12, -1, 0, 0.1, 1e-9, 1e9, 6.5, 20.0, True, None]
        values += ["acsf", "bispectrum", "soap", [], [1.0] * 1000, {"a": 1}]
        definition[key] = rng.choice(values)
        return json.dumps(odd_json(rng, definition) if rng.random() < 0.2 else definition)

    def run(self, folder: Path, action: str) -> None:
        path = folder / "m.safetensors"
        model = load_model(path)
        repr(model)
        save_model(model, folder / "again.safetensors")
        assert load_model(folder / "again.safetensors").model_id == model.model_id
        info._model(path)
        with suppress(InputError):  # of this frame, not of the model file
            found = model.classify(self.frame)
            assert np.isfinite(found.probabilities).all()
