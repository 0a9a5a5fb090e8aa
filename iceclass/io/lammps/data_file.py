"""LAMMPS data files, as ``write_data`` and structure builders write them.

https://docs.lammps.org/read_data.html. Taken: every atom style below and ``hybrid`` of them,
image flags, trailing comments, sections in any order, triclinic and general triclinic boxes,
type labels. The file does not say which boundaries are periodic: all are taken to be.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.lammps.units import scale_of
from iceclass.io.text import fields, parsing
from iceclass.io.text.columns import TextColumns
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import RawFrame
from iceclass.io.water.kinds import AtomKinds, Key

STYLES = {
    "angle": "id mol type x y z",
    "atomic": "id type x y z",
    "body": "id type bodyflag mass x y z",
    "bond": "id mol type x y z",
    "bpm/sphere": "id mol type diameter density x y z",
    "charge": "id type q x y z",
    "dielectric": "id type q x y z mux muy muz area ed em epsilon curvature",
    "dipole": "id type q x y z mux muy muz",
    "dpd": "id type theta x y z",
    "edpd": "id type edpd_temp edpd_cv x y z",
    "electron": "id type q espin eradius x y z",
    "ellipsoid": "id type ellipsoidflag density x y z",
    "full": "id mol type q x y z",
    "line": "id mol type lineflag density x y z",
    "mdpd": "id type rho x y z",
    "molecular": "id mol type x y z",
    "peri": "id type volume density x y z",
    "smd": "id type mol volume mass kradius cradius x0 y0 z0 x y z",
    "sph": "id type rho esph cv x y z",
    "sphere": "id type diameter density x y z",
    "spin": "id type x y z spx spy spz sp",
    "template": "id type mol template_index template_atom x y z",
    "tri": "id mol type triangleflag density x y z",
    "wavepacket": "id type q espin eradius etag cs_re cs_im x y z",
}
# tried in this order where the file does not name its style
GUESSES = ("full", "molecular", "charge", "atomic", "dipole", "sphere")

_SECTION = re.compile(
    rb"^[ \t]*(Atoms|Velocities|Masses|Ellipsoids|Lines|Triangles|Bodies|Bonds|Angles|Dihedrals|"
    rb"Impropers|[A-Z][A-Za-z]* Type Labels|[A-Z][A-Za-z0-9]*(?: [A-Z][A-Za-z]*)? Coeffs)"
    rb"[ \t]*(?:#([^\r\n]*))?\r?$",
    re.MULTILINE,
)
_MOST_PACKED = 100  # times that text of coordinates becomes smaller by compression, at most
_SMALL = 1 << 25
_HEADER = 1 << 20  # bytes at most
_WHOLE = r"[+-]?[0-9]{1,18}"
_IMAGES = ("ix", "iy", "iz")


class _DataFile:
    """The text of a data file, cut into its header and sections."""

    def __init__(self, source: ByteSource) -> None:
        self.path = source.path
        most = max(_MOST_PACKED * source.total, _SMALL) if source.compression else source.total
        self.text = source.read(most + 1).removeprefix(b"\xef\xbb\xbf")
        if len(self.text) > most:
            raise InputError(
                f"the {source.compression} data expand to more than {_MOST_PACKED} times their "
                "size: no data file does",
                path=self.path,
            )
        if source.damage:
            raise InputError(
                f"the {source.compression} data are damaged ({source.damage})", path=self.path
            )
        if not self.text.endswith(b"\n"):
            self.text += b"\n"
        found = list(_SECTION.finditer(self.text, self.text.find(b"\n") + 1))
        start = self.text.find(b"\n") + 1
        end = min(found[0].start() if found else len(self.text), start + _HEADER)
        self._header: list[tuple[int, list[bytes]]] = []  # place and words of each line
        for line in self.text[start:end].splitlines(keepends=True):
            self._header.append((start, line.partition(b"#")[0].split()))
            start += len(line)
        # section → start and end of its lines, comment behind its name
        self.sections: dict[str, tuple[int, int, str]] = {}
        for here, after in pairwise([*found, None]):
            assert here is not None
            end = after.start() if after else len(self.text)
            comment = (here[2] or b"").decode("utf-8", "replace").strip()
            self.sections.setdefault(here[1].decode(), (here.end(), end, comment))

    def fail(self, message: str, at: int | None = None, hint: str | None = None) -> NoReturn:
        """Raise an error about the place ``at`` (a byte of the text)."""
        line = None if at is None else self.text.count(b"\n", 0, at) + 1
        raise InputError(message, path=self.path, frame=0, line=line, hint=hint)

    def values(self, words: str, n: int) -> NDArray[np.float64] | None:
        """The n numbers before a header keyword, ``None`` where the keyword is missing."""
        keyword = words.encode().split()
        for at, line in self._header:
            if line[-len(keyword) :] != keyword or len(line) == len(keyword):
                continue
            before = line[: -len(keyword)]
            try:
                numbers = np.array([float(word) for word in before])
            except ValueError:
                numbers = np.empty(0)
            if len(numbers) != n or not np.isfinite(numbers).all():
                text = b" ".join(before).decode("utf-8", "replace")
                self.fail(f"{words} has {text[:60]!r}, expected {n} finite numbers", at)
            return numbers
        return None

    def lines(self, section: str) -> list[tuple[list[str], str]]:
        """Words and comment of every line of a section that is not blank."""
        if section not in self.sections:
            return []
        start, end, _ = self.sections[section]
        out = []
        for line in self.text[start:end].decode("utf-8", "replace").splitlines():
            words, _, comment = line.partition("#")
            if words.split():
                out.append((words.split(), comment.strip()))
        return out


def read_data(source: ByteSource) -> RawFrame:
    """The one frame of a data file.

    Raises
    ------
    InputError
        The file is no data file, damaged, or of an atom style that cannot be told.
    """
    data = _DataFile(source)
    count = data.values("atoms", 1)
    if count is None or "Atoms" not in data.sections:
        data.fail(
            "not a LAMMPS data file: there is no "
            + ("header line with the number of atoms" if count is None else "section Atoms")
        )
    title = data.text[: data.text.find(b"\n")].decode("utf-8", "replace")
    units = re.search(r"units\s*=\s*(\w+)", title)
    step = re.search(r"timestep\s*=\s*([0-9]{1,18})\b", title)
    try:
        length = scale_of(units[1])[0] if units else 1.0
    except InputError as error:
        data.fail(error.message, 0, error.hint)
    cell, origin = _box(data)
    n = int(count[0])
    if n != count[0] or n < 0:
        data.fail(f"announces {count[0]:g} atoms")
    columns = _atoms(data, n)
    positions = np.stack([columns[axis].astype(np.float64) for axis in "xyz"], axis=1)
    header = {"format": "lammps-data"} | ({"units": units[1]} if units else {})
    return RawFrame(
        positions=positions * length,
        cell=cell * length,
        pbc=np.ones(3, bool),
        origin=origin * length,
        columns=columns,
        kinds=lambda _: _kinds(data, columns),
        ids=columns["id"],
        timestep=int(step[1]) if step else 0,
        header=header,
    )


def _box(data: _DataFile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    vectors = [data.values(f"{name}vec", 3) for name in "abc"]
    if any(vector is not None for vector in vectors):
        cell = np.array(
            [np.eye(3)[i] if vector is None else vector for i, vector in enumerate(vectors)]
        )
        origin = data.values("abc origin", 3)
        return cell, np.zeros(3) if origin is None else origin
    low, high = np.empty(3), np.empty(3)
    for i, axis in enumerate("xyz"):
        bounds = data.values(f"{axis}lo {axis}hi", 2)
        low[i], high[i] = (-0.5, 0.5) if bounds is None else bounds
        if not high[i] > low[i]:
            data.fail(
                f"the box has no positive length along {axis}: "
                f"{axis}lo = {low[i]:.17g}, {axis}hi = {high[i]:.17g}",
                data.text.find(f"{axis}lo".encode()),
            )
    tilts = data.values("xy xz yz", 3)
    xy, xz, yz = np.zeros(3) if tilts is None else tilts
    a, b, c = high - low
    return np.array([[a, 0.0, 0.0], [xy, b, 0.0], [xz, yz, c]]), low


def _atoms(data: _DataFile, n: int) -> TextColumns:
    start, end, comment = data.sections["Atoms"]
    start = data.text.find(b"\n", start) + 1
    text = data.text[start:end]
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    blank = re.match(rb"(?:[ \t\r]*+\n)*+", text)
    assert blank is not None
    start += blank.end()
    text = text[blank.end() :]
    text = text.rstrip() + b"\n"
    found = 0 if text == b"\n" else text.count(b"\n")
    if found != n:
        data.fail(
            f"the section Atoms has {found} rows, expected {n}",
            start + (len(text) if found < n else 0),
        )
    if n == 0:
        return TextColumns(("id", "type", "x", "y", "z"), b"", 0)
    buffer = np.frombuffer(text, np.uint8)
    problem = ""
    labels = "Atom Type Labels" in data.sections
    sample = [row.decode("utf-8", "replace").split() for row in text[:4096].split(b"\n")[:20]]
    types = data.values("atom types", 1)
    n_types = n if types is None else int(types[0])
    layouts = _layouts(comment, [row for row in sample[:n] if row], labels, n_types)
    for names in layouts:
        if len(names) != len(sample[0]):
            data.fail(
                f"the first row of the section Atoms has {len(sample[0])} fields, "
                f"expected {' '.join(names)} of style {comment}",
                start,
            )
        actions = np.array([_action(name, labels) for name in names], np.int8)
        slots = np.zeros(len(names), np.int64)
        slots[[names.index("x"), names.index("y"), names.index("z")]] = range(3)
        slots[actions == parsing.INT] = range(np.count_nonzero(actions == parsing.INT))
        ints = np.empty((int(slots.max()) + 3, n), np.int64)
        floats = np.empty((n, 3))
        status, row, column, _ = parsing.parse_rows(buffer, n, actions, slots, ints, floats)
        if status == parsing.OK:
            known: dict[str, NDArray[np.int64] | NDArray[np.float64]] = {
                name: ints[slot]
                for name, action, slot in zip(names, actions, slots, strict=True)
                if action == parsing.INT
            }
            known |= {axis: floats[:, i] for i, axis in enumerate("xyz")}
            return TextColumns(names, text, n, known)
        if not problem:
            line = text.split(b"\n", row + 1)[row].decode("utf-8", "replace").strip()
            where = data.text.count(b"\n", 0, start) + 1 + row
            what = {
                parsing.TOO_FEW: f"has {len(line.split())} fields, expected {' '.join(names)}",
                parsing.TOO_MANY: f"has {len(line.split())} fields, expected {' '.join(names)}",
                parsing.NOT_FINITE: "has a position that is not finite",
            }.get(status, f"has a bad field for {names[min(column, len(names) - 1)]}")
            problem = f"row {row + 1} of {n} in the section Atoms {what}: {line[:60]!r}"
    if not problem:
        row = text[: text.find(b"\n")].decode("utf-8", "replace")
        data.fail(
            f"the atom style cannot be told from {row[:60]!r}"
            + (f" and the comment {comment!r}" if comment else ""),
            start,
            "name it behind the section's name: Atoms # full",
        )
    raise InputError(problem, path=data.path, frame=0, line=where)


def _action(name: str, labels: bool) -> int:
    if name in "xyz":
        return parsing.FINITE
    if name == "type" and labels:
        return parsing.SKIP
    return parsing.INT if name in ("id", "type", "mol", *_IMAGES) else parsing.SKIP


def _layouts(
    comment: str, rows: list[list[str]], labels: bool, n_types: int
) -> list[tuple[str, ...]]:
    """Column names that may fit some rows, most likely first."""
    n = len(rows[0])
    words = comment.lower().split()
    named = next((word for word in words if word in STYLES or word == "hybrid"), None)
    if named == "hybrid":
        names = ["id", "type", "x", "y", "z"]
        for style in words[words.index("hybrid") + 1 :]:
            names += [name for name in STYLES.get(style, "").split() if name not in names]
        if len(names) == 5 or len(names) not in (n, n - 3):  # what follows, nobody says
            names = [*names[:5], *(f"column_{i}" for i in range(6, n + 1))]
        styles = [tuple(names)]
    elif named is not None:
        styles = [tuple(STYLES[named].split())]
    elif words[:1] == ["tdpd"]:
        styles = [("id", "type", "x", "y", "z", *(f"cc{i}" for i in range(1, n - 4)))]
    else:
        styles = [tuple(STYLES[guess].split()) for guess in GUESSES]
    fitting = [names for names in styles if len(names) == n]
    fitting += [(*names, *_IMAGES) for names in styles if len(names) + 3 == n]
    if named is not None:
        return fitting or styles  # if none fits, the row will be blamed
    penalties = {names: _penalty(names, rows, labels, n_types) for names in fitting}
    likely = [names for names in fitting if penalties[names] < 100]
    return sorted(likely, key=lambda names: penalties[names])


def _penalty(names: tuple[str, ...], rows: list[list[str]], labels: bool, n_types: int) -> int:
    """How unlikely the names are for some rows; 100 and more: impossible."""
    penalty = 0
    for name, *texts in zip(names, *rows, strict=False):
        integers = [int(text) for text in texts if re.fullmatch(_WHOLE, text)]
        whole = 2 * len(integers) > len(texts)
        if name == "type":
            known = whole and all(1 <= number <= n_types for number in integers)
            penalty += 0 if known or (labels and not whole) else 100
        elif name in ("id", "mol", *_IMAGES):
            penalty += 0 if whole else 100
        else:
            penalty += int(whole)
    return penalty


def _kinds(data: _DataFile, columns: TextColumns) -> AtomKinds:
    types = columns["type"]
    if types.dtype.kind == "i":
        codes, values = fields.encode(types)
        keys: tuple[Key, ...] = tuple(values.tolist())
    else:
        labels, codes = np.unique(types, return_inverse=True)
        codes, keys = codes.astype(np.int64), tuple(labels.tolist())
    number_of: dict[str, int] = {}
    label_of: dict[int, str] = {}
    for words, _ in data.lines("Atom Type Labels"):
        if len(words) == 2 and re.fullmatch(_WHOLE, words[0]):
            label_of[int(words[0])] = words[1]
            number_of[words[1]] = int(words[0])
    masses: dict[int, float] = {}
    comments: dict[int, str] = {}
    for words, comment in data.lines("Masses"):
        try:
            number = number_of.get(words[0]) or int(words[0])
            masses[number] = float(words[1])
        except (ValueError, IndexError):
            data.fail(
                f"the section Masses has {' '.join(words)[:60]!r}", data.sections["Masses"][0]
            )
        if comment:
            comments[number] = comment.split()[0]
    numbers = [key if isinstance(key, int) else number_of.get(key, -1) for key in keys]
    names = {n: label_of[n] for n in numbers if n in label_of}
    source = "type labels"
    if not names:
        names, source = {n: comments[n] for n in numbers if n in comments}, "comments of Masses"
    return AtomKinds(
        "type",
        keys,
        codes,
        tuple(names.get(n) for n in numbers),
        source if names else "",
        tuple(masses.get(n) for n in numbers),
    )
