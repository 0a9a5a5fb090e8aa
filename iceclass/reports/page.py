"""A labelled trajectory as one HTML file to look at: opens offline, loads nothing.

The molecules are drawn by NGL (https://nglviewer.org, MIT licence), whose script is part of the
page. Positions are kept to a hundredth of an Å, each frame as its difference from the one before,
compressed; a page that would be too large leaves frames out, evenly, and says so.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass._version import __version__
from iceclass.analysis.comparison import DISAGREEMENT, OPINION_COLUMNS
from iceclass.analysis.nuclei import R_CUT, cluster_ranks, crystals, is_one_of
from iceclass.errors import InputError, OutputError
from iceclass.evaluation.attributions import attributions
from iceclass.files import replacing
from iceclass.frame import Frame
from iceclass.io.options import ReadOptions
from iceclass.labelling.reading import LabelledFrame, LabelledTrajectory
from iceclass.model.file import SUFFIX, load_model, shipped_models
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN, colour_of, label_of

MAX_BYTES = 48_000_000
"""Size of a page beyond which frames are left out."""

MAX_SHOWN = 6_000_000
"""Molecules of all shown frames together: what a browser holds and draws without effort."""

MAX_DETAILED = 400_000
"""Molecules of all frames together whose probabilities are kept: about 15 bytes each."""

CURVE_POINTS = 1000
"""Points of the phase curve, up to twice as many; of more frames every k-th is drawn."""

FEATURES = 5
"""Leading features of a molecule that are told."""

STEP = 0.01
"""Å, to which positions are kept, in boxes of up to 650 Å."""

_UNKNOWN_CODE, _UNASKED_CODE = 255, 254
_UNASKED = {"label": "not labelled", "colour": "#dddddd"}


@dataclass(frozen=True)
class PageSummary:
    """What a page holds.

    Attributes
    ----------
    path
        The file.
    frames, shown
        Frames of the trajectory, and of the page.
    detailed
        Frames with the probabilities of their molecules.
    size
        Bytes.
    """

    path: Path
    frames: int
    shown: int
    detailed: int
    size: int

    def __str__(self) -> str:
        shown = f"{self.shown} of {self.frames} frames"
        return f"written: {self.path.name} ({shown}, {self.size / 1e6:.1f} MB)"


def page_of(
    labelled: str | Path,
    path: str | Path,
    *,
    model: str | None = None,
    reading: ReadOptions | None = None,
    **options: Any,
) -> PageSummary:
    """Write the page of a labelled file.

    Parameters
    ----------
    labelled, path
        The trajectory that ``iceclass label`` wrote, and the HTML file.
    model
        Name or file of the model that labelled it; default: what is told beside the trajectory,
        if that is a shipped model or a file of that name is there or in the working directory.
        Empty: none.
    reading
        How, and which frames.
    options
        As of :func:`trajectory_page`.
    """
    named = load_model(model) if model else None
    classes = None if named is None else named.classes
    trajectory = LabelledTrajectory(labelled, classes, reading)
    if model is None:
        named = _model_of(trajectory)
    return trajectory_page(trajectory, path, model=named, **options)


def _model_of(trajectory: LabelledTrajectory) -> Model | None:
    """The shipped model that labelled a trajectory, or a file of that name, if any.

    The file is looked for beside the trajectory and in the working directory.
    """
    candidates: list[str | Path] = [*shipped_models()]
    if trajectory.model:
        file = Path(f"{trajectory.model}{SUFFIX}")
        candidates += [trajectory.path.parent / file, file]
    for name in candidates:
        try:
            model = load_model(name)
        except InputError:
            continue
        if model.model_id == trajectory.model_id:
            return model
    return None


def trajectory_page(
    labelled: LabelledTrajectory,
    path: str | Path,
    *,
    model: Model | None = None,
    explain: bool = False,
    title: str | None = None,
    max_bytes: int = MAX_BYTES,
    force: bool = False,
) -> PageSummary:
    """Write the page of a labelled trajectory.

    Parameters
    ----------
    labelled
        Its frames; every molecule that was not asked about is shown in grey.
    path
        The HTML file.
    model
        That labelled it: asked again for the probabilities, the novelty and the last hidden layer
        of the molecules. Without it the page has none of them.
    explain
        Also tell the leading features of each molecule's label, by Integrated Gradients of the
        class's logit from the mean of training.
    title
        Default: the name of the file.
    max_bytes
        Frames are left out, evenly, until the page is no larger.

    Raises
    ------
    InputError
        There are no frames, or the model is not the one that labelled them.
    OutputError
        The file exists (without ``force``), or cannot be written.
    """
    if explain and model is None:
        raise InputError("features are explained by the model that labelled, and none is given")
    if model is not None and labelled.model_id not in (None, model.model_id):
        raise InputError(
            f"was labelled by the model {labelled.model_id}, asked is {model.model_id}",
            path=labelled.path,
            hint="give the model that labelled it",
        )
    if model is not None and model.classes != labelled.classes:
        raise InputError(
            f"has the classes {', '.join(labelled.classes)}, the model has "
            f"{', '.join(model.classes)}",
            path=labelled.path,
        )
    kept, curve, every = _collected(labelled)
    path = Path(path)
    with replacing(path, force=force) as temporary:
        while True:
            text, detailed = _page(labelled, kept, curve, every, model, explain, title)
            if len(text) <= max_bytes or len(kept) == 1:
                break
            # the share that fits, at least every second frame
            further = max(2, -(-len(text) // max_bytes))
            kept, every = kept[::further], every * further
        if len(text) > max_bytes:
            raise OutputError(
                f"the page of one frame has {len(text) / 1e6:.0f} MB, expected at most "
                f"{max_bytes / 1e6:.0f}",
                path=path,
                hint="label and show a region, or allow a larger page",
            )
        temporary.write_bytes(text)
    return PageSummary(path, curve.frames, len(kept), detailed, len(text))


@dataclass
class _Curve:
    """Phases of every frame of the trajectory, for the curve."""

    numbers: list[int] = field(default_factory=list)
    timesteps: list[int] = field(default_factory=list)
    shares: list[NDArray[np.float64]] = field(default_factory=list)
    stride: int = 1
    frames: int = 0
    present: set[int] = field(default_factory=set)

    def add(self, frame: LabelledFrame, n_classes: int) -> None:
        asked = frame.labels[frame.labels >= -1]
        column = np.where(asked < 0, n_classes, asked)
        counts = np.bincount(column, minlength=n_classes + 1)
        self.present |= set(np.flatnonzero(counts).tolist())
        if len(asked) < len(frame.labels):
            self.present.add(-2)
        share = counts / max(len(asked), 1)
        if self.frames % self.stride == 0:
            self.numbers.append(frame.number)
            self.timesteps.append(int(frame.frame.timestep))
            self.shares.append(share)
        self.frames += 1
        if len(self.shares) > 2 * CURVE_POINTS:
            self.stride *= 2
            for series in (self.numbers, self.timesteps, self.shares):
                del series[1::2]


def _collected(labelled: LabelledTrajectory) -> tuple[list[LabelledFrame], _Curve, int]:
    """Frames to show, the curve of all, and that every n-th is shown."""
    kept: list[LabelledFrame] = []
    curve, every, molecules = _Curve(), 1, 0
    for frame in labelled:
        if curve.frames % every == 0:
            molecules += frame.frame.n_molecules
            if molecules > MAX_SHOWN and kept:
                kept, every = kept[::2], 2 * every
                molecules = sum(k.frame.n_molecules for k in kept)
                if curve.frames % every == 0:
                    molecules += frame.frame.n_molecules
            if curve.frames % every == 0:
                kept.append(frame)
        curve.add(frame, len(labelled.classes))
    if not kept:
        raise InputError("has no frames to show", path=labelled.path)
    return kept, curve, every


def _page(
    labelled: LabelledTrajectory,
    kept: Sequence[LabelledFrame],
    curve: _Curve,
    every: int,
    model: Model | None,
    explain: bool,
    title: str | None,
) -> tuple[bytes, int]:
    """The page, and how many of its frames have details."""
    classes = labelled.classes
    total = sum(frame.frame.n_molecules for frame in kept)
    stride = max(1, -(-total // MAX_DETAILED))
    chosen = range(0, len(kept), stride) if model is not None else range(0)
    found: list[_Details] = []
    axes: list[str] | None = None
    if model is not None:
        found, axes = _details(model, [kept[k].frame for k in chosen], explain)
    scalars = _scalars(kept)
    step = max(STEP, max(float(np.ptp(_wrapped(f.frame), axis=0).max()) for f in kept) / 65_000)
    blocks: list[bytes] = []
    told: list[dict[str, Any]] = []
    before: _Coded | None = None
    for k, frame in enumerate(kept):
        details = found[chosen.index(k)] if k in chosen else None
        coded = _Coded.of(frame, classes, step)
        blocks += coded.blocks(frame, before, scalars, details)
        told.append(coded.told(frame, before, details is not None))
        before = coded
    numbers = [kept[k].number for k in chosen]
    meta = {
        "title": title or labelled.path.name,
        "about": _about(labelled, kept, curve, every, model),
        "classes": [{"label": label_of(c), "colour": colour_of(c, classes)} for c in classes],
        "unknown": {"label": label_of(UNKNOWN), "colour": colour_of(UNKNOWN)},
        "unasked": _UNASKED,
        "present": [
            _UNASKED_CODE if c == -2 else _UNKNOWN_CODE if c == len(classes) else c
            for c in sorted(curve.present, key=lambda c: c if c >= 0 else len(classes) + 1)
        ],
        "frames": told,
        "step": step,
        "bond": R_CUT,
        "axes": list("xyz" if all(_upright(frame.frame) for frame in kept) else "abc"),
        "axis": 2,
        "curve": _drawn(curve),
        "scalars": [s.told for s in scalars],
        "disagreement": DISAGREEMENT,
        "details": _listed(numbers),
        "without": "Give the model, to see probabilities here: iceclass view --model …",
        "features": list(model.descriptor.names) if model is not None and explain else [],
        "top": FEATURES if explain else 0,
        "map": axes,
    }
    packed = zlib.compress(b"".join(blocks), 6)
    return _assembled(meta, base64.b64encode(packed)), len(numbers)


def _assembled(meta: Mapping[str, Any], data: bytes) -> bytes:
    """The parts in their places; whatever stands in ``meta`` cannot end the element it is in."""
    folder = files("iceclass.reports") / "templates"
    parts = {name: (folder / f"page.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    licence = (folder / "ngl.LICENSE").read_text(encoding="utf-8")
    library = (folder / "ngl.js").read_text(encoding="utf-8").replace("<!--", "<\\!--")
    parts["ngl"] = f"/* NGL 2.5.0\n{licence.strip()}\n*/\n{library}"
    hashes = (
        base64.b64encode(hashlib.sha256(parts[name].encode()).digest()).decode("ascii")
        for name in ("ngl", "js")
    )
    text = json.dumps(meta, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    template = Template((folder / "page.html").read_text(encoding="utf-8"))
    page = template.substitute(
        parts,
        title=html.escape(str(meta["title"])),
        hashes=" ".join(f"'sha256-{h}'" for h in hashes),
        meta=text,
        data=data.decode("ascii"),
    )
    return page.encode("utf-8", "backslashreplace")


@dataclass(frozen=True, eq=False)
class _Coded:
    """A frame in small whole numbers, its molecules in the order of their ids."""

    order: NDArray[np.int64]
    ids: NDArray[np.int32]
    offset: NDArray[np.float64]
    positions: NDArray[np.uint16]
    phase: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    cluster: NDArray[np.uint8]

    @classmethod
    def of(cls, labelled: LabelledFrame, classes: Sequence[str], step: float) -> _Coded:
        frame, labels = labelled.frame, labelled.labels
        order = np.argsort(frame.ids, kind="stable")
        positions = _wrapped(frame)
        offset = positions.min(axis=0)
        ranks = cluster_ranks(frame, is_one_of(labels, classes, crystals(classes)))
        ranks = np.where(ranks < 0, 255, np.minimum(ranks, 254))
        phase = np.select([labels == -1, labels < -1], [_UNKNOWN_CODE, _UNASKED_CODE], labels)
        percent = np.clip(np.round(100 * np.nan_to_num(labelled.confidence)), 0, 100)
        return cls(
            order,
            frame.ids[order].astype(np.int32),
            offset,
            np.round((positions[order] - offset) / step).astype(np.uint16),
            phase[order].astype(np.uint8),
            percent[order].astype(np.uint8),
            ranks[order].astype(np.uint8),
        )

    def follows(self, before: _Coded | None) -> bool:
        """Whether the frame before has the same molecules."""
        return before is not None and np.array_equal(before.ids, self.ids)

    def blocks(
        self,
        labelled: LabelledFrame,
        before: _Coded | None,
        scalars: Sequence[_Scalar],
        details: _Details | None,
    ) -> Iterator[bytes]:
        """The bytes of the frame, in the order in which the page takes them."""
        follows = self.follows(before)
        if not follows:
            yield self.ids.astype("<i4").tobytes()
        for axis in range(3):
            values = self.positions[:, axis]
            if follows:
                assert before is not None
                values = values - before.positions[:, axis]  # modulo 2¹⁶, as in the page
            yield _words(values)
        yield self.phase.tobytes()
        yield self.confidence.tobytes()
        yield self.cluster.tobytes()
        for scalar in scalars:
            yield _words(scalar.words(labelled)[self.order])
        if details is not None:
            yield from details.blocks(self.order)

    def told(self, labelled: LabelledFrame, before: _Coded | None, details: bool) -> dict[str, Any]:
        """What the page is told of the frame in words."""
        frame, follows = labelled.frame, self.follows(before)
        box, corner = _box(frame)
        return {
            "number": labelled.number,
            "timestep": int(frame.timestep),
            "time": frame.time,
            "n": frame.n_molecules,
            "box": box.tolist(),
            "corner": corner.tolist(),
            "cell": bool(frame.cell.any(axis=1).all()),
            "offset": self.offset.tolist(),
            "pbc": frame.pbc.tolist(),
            "ids": not follows,
            "delta": follows,
            "details": details,
        }


def _words(values: NDArray[np.uint16]) -> bytes:
    """Upper bytes, then lower ones: so they compress."""
    return (values >> 8).astype(np.uint8).tobytes() + (values & 255).astype(np.uint8).tobytes()


def _box(frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3, 3) rows that span what is shown, and its (3,) corner: the cell, where there is one."""
    cell, corner = frame.cell.copy(), frame.origin.copy()
    missing = np.flatnonzero(~cell.any(axis=1))
    if len(missing):
        own = cell[cell.any(axis=1)]
        across = np.linalg.svd(own)[2][len(own) :] if len(own) else np.eye(3)
        across = (
            across * np.sign(across[np.arange(len(across)), np.abs(across).argmax(axis=1)])[:, None]
        )
        for k, direction in zip(missing, across, strict=True):
            along = (frame.positions - frame.origin) @ direction
            corner += (along.min() - 1.0) * direction
            cell[k] = (np.ptp(along) + 2.0) * direction
    return cell, corner


def _wrapped(frame: Frame) -> NDArray[np.float64]:
    """(N, 3) Å, inside the cell along its periodic directions."""
    if not frame.pbc.any():
        return frame.positions
    box, _ = _box(frame)
    fraction = (frame.positions - frame.origin) @ np.linalg.inv(box)
    return frame.positions - np.where(frame.pbc, np.floor(fraction), 0.0) @ box


def _upright(frame: Frame) -> bool:
    """Whether the box's edges lie along x, y and z."""
    box, _ = _box(frame)
    return bool(np.allclose(box, np.diag(box.diagonal()), atol=1e-6) and (box.diagonal() > 0).all())


@dataclass(frozen=True)
class _Scalar:
    """A further column of numbers of the labelled file, in 65 535 steps from low to high."""

    name: str
    low: float
    high: float
    digits: int

    def words(self, frame: LabelledFrame) -> NDArray[np.uint16]:
        """(N,) 0 … 65 534; 65 535 where there is no number."""
        values = np.asarray(frame.columns[self.name], dtype=np.float64)
        finite = np.isfinite(values)
        share = (np.where(finite, values, self.low) - self.low) / ((self.high - self.low) or 1.0)
        return np.where(finite, np.round(65_534 * share), 65_535).astype(np.uint16)

    @property
    def told(self) -> dict[str, Any]:
        """For the page."""
        known = OPINION_COLUMNS.get(self.name)
        label = self.name.partition("_")[2] if known is None else known.label
        values = None if known is None else known.values
        return {
            "name": self.name,
            "label": label,
            "low": self.low,
            "high": self.high,
            "digits": self.digits,
            "values": None if values is None else list(values),
        }


def _scalars(kept: Sequence[LabelledFrame]) -> list[_Scalar]:
    """The columns that all frames have and that hold a finite number anywhere."""
    found = []
    for name in kept[0].columns:
        if not all(name in frame.columns for frame in kept):
            continue
        finite = [c[np.isfinite(c)] for f in kept for c in (np.asarray(f.columns[name], float),)]
        finite = [values for values in finite if len(values)]
        if finite:
            low, high = min(v.min() for v in finite), max(v.max() for v in finite)
            digits = 0 if kept[0].columns[name].dtype.kind == "i" else 3
            found.append(_Scalar(name, float(low), float(high), digits))
    return found


@dataclass(frozen=True, eq=False)
class _Details:
    """What the model says of the molecules of a frame beyond their labels."""

    probabilities: NDArray[np.uint8]
    novelty: NDArray[np.uint16]
    place: NDArray[np.uint16]
    features: NDArray[np.uint16] | None
    attributions: NDArray[np.float32] | None

    def blocks(self, order: NDArray[np.int64]) -> Iterator[bytes]:
        """The bytes, in the order in which the page takes them."""
        yield np.ascontiguousarray(self.probabilities[order].T).tobytes()
        yield _words(self.novelty[order])
        for axis in range(2):
            yield _words(self.place[order, axis])
        if self.features is not None and self.attributions is not None:
            for rank in range(self.features.shape[1]):
                yield _words(self.features[order, rank])
                yield self.attributions[order, rank].astype("<f4").tobytes()


def _details(
    model: Model, frames: Sequence[Frame], explain: bool
) -> tuple[list[_Details], list[str]]:
    """Of every frame; and the names of the two axes of the map of the last hidden layer.

    The axes are the leading principal components of the layer's 100 units over all frames.
    """
    told, units = [], []
    for frame in frames:
        features = model.descriptor.compute(frame, dtype=np.float32)
        told.append((model.predict(features), *_leading(model, features, explain)))
        units.append(model.hidden(features))
    mean = np.concatenate(units).mean(axis=0, dtype=np.float64)
    scatter = sum((u - mean).T @ (u - mean) for u in units)
    variance, components = np.linalg.eigh(scatter)
    places = [(u - mean) @ components[:, :-3:-1] for u in units]
    low = np.min([p.min(axis=0) for p in places], axis=0)
    spread = np.max([p.max(axis=0) for p in places], axis=0) - low
    spread[spread == 0.0] = 1.0
    threshold = None if model.novelty is None else model.novelty.threshold
    details = []
    for (prediction, which, how_much), place in zip(told, places, strict=True):
        novelty = np.full(len(place), 65_535)
        if threshold is not None:
            novelty = np.clip(np.round(1000 * prediction.novelty / threshold), 0, 65_534)
        details.append(
            _Details(
                np.round(255 * prediction.probabilities).astype(np.uint8),
                novelty.astype(np.uint16),
                np.round(65_535 * (place - low) / spread).astype(np.uint16),
                which,
                how_much,
            )
        )
    share = variance[::-1][:2] / (variance.sum() or 1.0)
    return details, [f"component {k + 1} ({100 * s:.0f} %)" for k, s in enumerate(share)]


def _leading(
    model: Model, features: NDArray[np.float32], explain: bool
) -> tuple[NDArray[np.uint16] | None, NDArray[np.float32] | None]:
    """(N, 5) leading features of each molecule's most probable class, and their attributions."""
    if not explain:
        return None, None
    values = attributions(model, features)
    which = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :FEATURES]
    return which.astype(np.uint16), np.take_along_axis(values, which, axis=1)


def _about(
    labelled: LabelledTrajectory,
    kept: Sequence[LabelledFrame],
    curve: _Curve,
    every: int,
    model: Model | None,
) -> list[str]:
    """Sentences on what is shown."""
    sizes = sorted({frame.frame.n_molecules for frame in kept})
    size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    plural = "s" if curve.frames > 1 else ""
    told = [f"{curve.frames} frame{plural} of {size} molecules."]
    if every > 1:
        told.append(
            f"One frame in {every} is shown, {len(kept)} in all, so that the page stays small; "
            "the curve below is of all frames."
        )
    name = labelled.model or (None if model is None else model.descriptor.name)
    known = labelled.model_id or (None if model is None else model.model_id)
    if known is not None:
        told.append(f"Model {name or ''} {known}.".replace("  ", " "))
    told.append(f"iceclass {__version__}.")
    return told


def _listed(numbers: Sequence[int]) -> str:
    """``0, 10, 20 … 90``; empty for none."""
    if len(numbers) <= 4:
        return ", ".join(map(str, numbers))
    return f"{numbers[0]}, {numbers[1]}, {numbers[2]} … {numbers[-1]}"


def _drawn(curve: _Curve) -> dict[str, Any]:
    """The curve's points: shares by phase over time steps, or frames where those do not grow."""
    steps = np.array(curve.timesteps)
    growing = len(steps) > 1 and bool((np.diff(steps) > 0).all())
    shares = np.array(curve.shares)
    return {
        "x": (steps if growing else np.array(curve.numbers)).tolist(),
        "key": "timestep" if growing else "number",
        "name": "timestep" if growing else "frame",
        "shares": np.round(shares.T, 4).tolist(),
    }
