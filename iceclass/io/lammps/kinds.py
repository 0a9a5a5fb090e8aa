"""The kinds of atoms in a LAMMPS dump: by type number, type label or element."""

from __future__ import annotations

import numpy as np

from iceclass.io.lammps.binary_columns import BinaryColumns
from iceclass.io.text import fields
from iceclass.io.text.blocks import Text
from iceclass.io.text.columns import TextColumns
from iceclass.io.water.kinds import AtomKinds, Key


class KindReader:
    """Tells the kinds of atoms apart by type, by element or not at all, as the file allows."""

    def __init__(self) -> None:
        self._by: str | None = None
        self._label_types: bool | None = None
        self._labels: dict[int, str] = {}

    def labelled(self, rows: Text, column: int) -> bool:
        """Whether types are labels (decided by the first row of the first frame)."""
        if self._label_types is None:
            words = rows[: rows.find(b"\n")].split()
            if column >= len(words):
                return False
            self._label_types = words[column][:1].isalpha()
        return self._label_types

    def read(self, columns: TextColumns | BinaryColumns, full: bool) -> AtomKinds:
        """The kinds of the atoms of a frame, with names and masses if ``full``."""
        if self._by is None or (self._by and self._by not in columns):
            self._by = next((by for by in ("type", "element", "typelabel") if by in columns), "")
        kinds = self._split(columns, self._by)
        if not full:
            return kinds
        names: dict[Key, str] = {}
        source = next((by for by in ("element", "typelabel") if by in columns), None)
        if source is None or source == self._by:
            names = {key: key for key in kinds.keys if isinstance(key, str) and self._by}
            source = self._by
        else:
            other = self._split(columns, source)
            pairs = np.unique(kinds.codes * len(other.keys) + other.codes)
            if len(pairs) > len(kinds.keys):  # one type, several elements
                self._by = source
                return self.read(columns, full)
            for pair in pairs.tolist():
                kind, name = divmod(pair, len(other.keys))
                names[kinds.keys[kind]] = str(other.keys[name])
        masses: list[float | None] = [None] * len(kinds.keys)
        if "mass" in columns and columns["mass"].dtype.kind in "if":
            for k in range(len(masses)):
                masses[k] = float(np.median(columns["mass"][kinds.codes == k]))
        where = {"element": "element column", "typelabel": "type labels", "type": "type labels"}
        return AtomKinds(
            kinds.kind,
            kinds.keys,
            kinds.codes,
            tuple(names.get(key) for key in kinds.keys),
            where.get(source or "", ""),
            tuple(masses),
        )

    def _split(self, columns: TextColumns | BinaryColumns, by: str) -> AtomKinds:
        if not by:
            codes = np.zeros(columns.n_rows, np.int64)
            return AtomKinds("", ("every atom",), codes, (None,))
        if by == "type" and not self._label_types:
            codes, values = fields.encode(columns["type"])
            keys: tuple[Key, ...] = tuple(values.tolist())
        else:
            assert isinstance(columns, TextColumns)  # a binary dump holds numbers alone
            column = columns.names.index(by)
            codes, values = fields.encode(columns.name_keys(column))
            for code, value in enumerate(values.tolist()):
                if value not in self._labels:
                    row = int(np.argmax(codes == code))
                    self._labels[value] = columns.field(row, column)
            keys = tuple(self._labels[value] for value in values.tolist())
        return AtomKinds("type" if by != "element" else by, keys, codes, (None,) * len(keys))
