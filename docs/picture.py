"""Draw the first and the last frame of a labelled trajectory, each molecule in its phase's colour.

python docs/picture.py demo/melting-slab.lammpstrj.gz -o docs/images/melting-slab.png
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

import iceclass
from iceclass.phases import UNKNOWN, colour_of, label_of
from iceclass.reports.snapshot import draw_snapshot
from iceclass.reports.style import new_figure, save, style


@click.command(help=__doc__.splitlines()[0])
@click.argument("trajectory", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--model", default="default", show_default=True)
def main(trajectory: Path, output: Path, model: str) -> None:
    frames = list(iceclass.read(trajectory))
    ends = {"first frame": frames[0], "last frame": frames[-1]}
    result = iceclass.label(list(ends.values()), model)
    assert result.labels is not None  # they are kept unless one asks for less
    names = np.array([*result.classes, UNKNOWN])  # −1, unknown, is the last
    with style():
        figure = new_figure(6.9, 2.5)
        seen: set[str] = set()
        for k, (title, frame) in enumerate(ends.items()):
            axes, phases = figure.add_subplot(1, 2, k + 1), names[result.labels[k]]
            draw_snapshot(axes, frame, [colour_of(name, result.classes) for name in phases])
            axes.set_title(title)
            axes.set_axis_off()
            seen |= set(phases)
        marks = [
            figure.axes[0].scatter([], [], s=16, color=colour_of(name, result.classes))
            for name in names
            if name in seen
        ]
        shown = [label_of(name) for name in names if name in seen]
        figure.legend(marks, shown, loc="lower center", ncol=len(marks))
        save(figure, output)
    click.echo(str(output))


if __name__ == "__main__":
    main()
