"""The model file: safetensors, with everything that is not an array as JSON in its metadata.

Metadata (safetensors holds strings only; each value but the first two is JSON)::

    format            "iceclass-model"
    sha256            of all other metadata and the arrays
    format_version    3
    iceclass_version, classes, descriptor, temperature, novelty, record

Reading one executes nothing: the arrays are numbers, the rest is JSON, and both are checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.errors import IceclassError, InputError, ModelError, unknown_name
from iceclass.files import check_output, replacing
from iceclass.model.network import Model
from iceclass.model.novelty import Novelty

FORMAT = "iceclass-model"
FORMAT_VERSION = 3  # 1 was of no release
MAX_BYTES = 64 << 20
SUFFIX = ".safetensors"


def save_model(model: Model, path: str | Path, *, force: bool = False) -> None:
    """Write a model file, whole or not at all.

    Raises
    ------
    OutputError
        The file exists and ``force`` is not given, or cannot be written.
    """
    from safetensors.numpy import save

    path = Path(path)
    check_output(path, force=force)
    novelty = model.novelty
    contents = {
        "format_version": FORMAT_VERSION,
        "iceclass_version": __version__,
        "classes": list(model.classes),
        "descriptor": model.descriptor.to_dict(),
        "temperature": model.temperature,
        "novelty": None
        if novelty is None
        else {
            "threshold": novelty.threshold,
            "quantile": novelty.quantile,
            "margin": novelty.margin,
        },
        "record": dict(model.record or {}),
    }
    metadata = {
        key: json.dumps(value, ensure_ascii=False, allow_nan=False)
        for key, value in contents.items()
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays.items()}
    metadata |= {"format": FORMAT, "sha256": _digest(metadata, arrays)}
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(_ordered(save(arrays, metadata)))


def load_model(name_or_path: str | Path) -> Model:
    """The shipped model of that name (``"default"``), or the model in a file.

    Raises
    ------
    ModelError
        No such file, not a model file, a damaged one, or one of a later version.
    InputError
        Neither a file nor a shipped model; the message names the nearest one.
    """
    path = resolve_model(name_or_path)
    try:
        metadata, arrays = _read(path)
        return replace(_model(metadata, arrays), name=path.stem)
    except ModelError as error:
        raise error.at(path=path) from None
    except (IceclassError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ModelError(f"damaged model file: {what}", path=path) from error


def _read(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Metadata and arrays as they stand in the file, of which the digest is right."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(f"has {size} bytes, a model file at most {MAX_BYTES}")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}") from error
    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise ModelError(f"not a model file, or damaged: {text}") from error
    if metadata.get("format") != FORMAT:
        raise ModelError("is safetensors, but not a model of iceclass")
    if metadata.pop("sha256", "") != _digest(
        {key: value for key, value in metadata.items() if key != "format"}, arrays
    ):
        raise ModelError("damaged model file: its SHA-256 does not agree with its contents")
    return metadata, arrays


def _ordered(data: bytes) -> bytes:
    """The same safetensors with sorted keys, so that the same model is the same file."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]


def _digest(metadata: Mapping[str, str], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(metadata.items()):
        digest.update(f"{len(key)} {len(value)} {key} {value}".encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{len(name)} {name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _model(metadata: Mapping[str, str], arrays: dict[str, NDArray[Any]]) -> Model:
    """The model from the strings and arrays of a file."""
    from iceclass.descriptors import from_dict

    contents = {key: json.loads(value) for key, value in metadata.items() if key != "format"}
    json.dumps(contents, ensure_ascii=False, allow_nan=False).encode()  # no NaN, no half characters
    version = contents["format_version"]
    if version not in (2, FORMAT_VERSION):
        raise ModelError(
            f"model file of format {version}, expected 2 or {FORMAT_VERSION}",
            hint=f"written by iceclass {contents.get('iceclass_version')}; this is {__version__}",
        )
    classes = contents["classes"]
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ModelError(f"classes are {classes!r}, expected a list of names")
    _check_record(contents["record"])
    arrays = dict(arrays)
    if version == 2:  # in which the density made molecules unknown, too
        arrays = {key: x for key, x in arrays.items() if not key.startswith("novelty.densities.")}
    novelty = None
    if contents["novelty"] is not None:
        stored = contents["novelty"]
        novelty = Novelty(
            components=arrays.pop("novelty.components"),
            means=arrays.pop("novelty.means"),
            whitening=arrays.pop("novelty.whitening"),
            residual=arrays.pop("novelty.residual"),
            threshold=float(stored["threshold"]),
            quantile=float(stored["quantile"]),
            margin=float(stored["margin"]),
            other=arrays.pop("novelty.other", None),
        )
        if not np.isfinite([novelty.quantile, novelty.margin]).all():
            raise ModelError("quantile or margin of the novelty is not finite")
    model = Model(
        descriptor=from_dict(contents["descriptor"]),
        classes=tuple(classes),
        mean=arrays.pop("mean"),
        scale=arrays.pop("scale"),
        weights=tuple(arrays.pop(f"weights.{i}") for i in range(3)),
        biases=tuple(arrays.pop(f"biases.{i}") for i in range(3)),
        temperature=float(contents["temperature"]),
        novelty=novelty,
        record=contents["record"],
    )
    if arrays:
        raise ModelError(f"unexpected arrays {', '.join(sorted(arrays))}")
    return model


def _check_record(record: Any) -> None:
    """Raise ModelError unless what is shown of a training record has the form it is shown in."""
    if not isinstance(record, dict):
        raise ModelError("the training record is not a JSON object")
    try:
        record.get("versions", {}).items(), (record.get("test") or {}).items()
        split = record.get("split", {})
        for side in filter(None, map(split.get, ("train", "validation", "test"))):
            side["rows"], side["trajectories"]
            sum(len(names) for names in side["preparations"].values())
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(f"the training record is not one that training writes: {error}") from error


def shipped_models() -> dict[str, Path]:
    """The models that come with the package, by name; aliases included."""
    directory = Path(str(files("iceclass"))) / "models"
    found = {path.stem: path for path in sorted(directory.glob(f"*{SUFFIX}"))}
    listing = directory / "models.json"
    aliases = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else {}
    return found | {name: found[to] for name, to in aliases.items() if to in found}


def resolve_model(name_or_path: str | Path) -> Path:
    """The file of a shipped model's name or alias, or of a path.

    Anything with a directory or the suffix ``.safetensors`` is a path.

    Raises
    ------
    InputError
        Neither; the message names the nearest shipped model.
    """
    path = Path(name_or_path)
    if isinstance(name_or_path, Path) or path.suffix == SUFFIX or len(path.parts) != 1:
        return path
    shipped = shipped_models()
    if name_or_path in shipped:
        return shipped[name_or_path]
    if path.is_file():
        return path
    error: InputError = unknown_name("model", name_or_path, shipped)
    error.hint = f"{error.hint}; or give the path of a model file"
    raise error
