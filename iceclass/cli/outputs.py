"""The files that ``iceclass label`` writes of one trajectory: their names, and writing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from iceclass.analysis.observer import Observer
from iceclass.files import check_output, remove_abandoned
from iceclass.io import suffixes
from iceclass.io.detect import detect_format
from iceclass.io.output.resumable import was_finishing
from iceclass.io.series import series_stem
from iceclass.io.text.streams import without_compression
from iceclass.labelling.labels import Labels
from iceclass.reports.drawing import Artist, can_draw

FAMILIES = "families"
"""Name of the observer whose table is that of the phases, by family."""


@dataclass(frozen=True)
class LabelFiles:
    """The files of one trajectory.

    Attributes
    ----------
    labelled
        The labelled trajectory, or a table of labels.
    stem
        What the names of the files beside it begin with.
    page
        Whether there is to be a page to look at.
    artist
        Who draws the tables; nobody: there are no figures.
    """

    labelled: Path
    stem: str
    page: bool = False
    artist: Artist | None = None

    @classmethod
    def of(cls, trajectory: Path, output: Path | None = None, *more: Path) -> LabelFiles:
        """Those of a trajectory, ``output`` being the labelled one; default: beside the file.

        A trajectory of several files, ``more`` being the others, gives them the name that these
        have in common.

        Raises
        ------
        InputError
            The trajectory cannot be read.
        """
        if output is not None:
            return cls(output, without_compression(output).stem.removesuffix(".labels"))
        plain = without_compression(trajectory)
        compression = trajectory.name.removeprefix(plain.name)
        if detect_format(trajectory) in ("lammps-dump", "lammps-binary", "lammps-yaml"):
            suffix = plain.suffix if plain.suffix in suffixes.DUMP else ".lammpstrj"
        else:
            suffix, compression = ".extxyz", ""
        stem = series_stem((trajectory, *more))
        return cls(trajectory.with_name(f"{stem}.labels{suffix}{compression}"), stem)

    def beside(self, suffix: str) -> Path:
        """A file of the run: ``phases.csv``, ``clusters.png`` …"""
        return self.labelled.with_name(f"{self.stem}.{suffix}")

    def all(self, observers: Iterable[str]) -> list[Path]:
        """All of them, where the observers of these names watch."""
        suffixes = ["phases.csv", *self._figure("phases"), "phases.json"]
        for name in observers:
            if name != FAMILIES:
                suffixes += [f"{name}.csv", *self._figure(name)]
        suffixes += ["html"] * self.page
        return [self.labelled, *map(self.beside, suffixes)]

    def _figure(self, name: str) -> list[str]:
        """The suffix of a table's figure, if it has one."""
        return [f"{name}.png"] * (self.artist is not None and can_draw(name))

    def check(self, observers: Iterable[str], *, force: bool) -> bool:
        """Whether existing files are to be replaced: also those of the same run, if it was stopped.

        Raises
        ------
        OutputError
            One of them exists and is not to be replaced, or cannot be written.
        """
        replace = force or was_finishing(self.labelled)
        for path in self.all(observers):
            check_output(path, force=replace)
        return replace

    def write(self, labels: Labels, observers: Mapping[str, Observer], *, force: bool) -> None:
        """Write tables, summary and figures, while the labelled trajectory is locked.

        Raises
        ------
        OutputError
            One of them exists (without ``force``), or cannot be written.
        """
        for path in self.all(observers):
            remove_abandoned(path)
        table = self.beside("phases.csv")
        if FAMILIES in observers:
            observers[FAMILIES].write(table, labels.observed[FAMILIES], force=force)
        else:
            labels.write_csv(table, force=force)
        labels.write_summary(self.beside("phases.json"), force=force)
        self._draw("phases", force)
        for name, observer in observers.items():
            if name == FAMILIES:
                continue
            table = self.beside(f"{name}.csv")
            observer.write(table, labels.observed[name], force=force)
            self._draw(name, force)

    def _draw(self, name: str, force: bool) -> None:
        if self.artist is not None and can_draw(name):
            table, figure = self.beside(f"{name}.csv"), self.beside(f"{name}.png")
            self.artist.draw(name, table, figure, force=force)
