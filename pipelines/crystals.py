"""CIF files to try ``iceclass crystals`` on: ices with their densities, and damaged ones.

    python -m pipelines.crystals cifs/ --seeds 5

Every ice that GenIce2 knows by an experimental name, and the predicted ice 0, in GenIce2's cell or,
where that has more than a hundred molecules, in the primitive cell of the oxygens, with several
proton orders where it is disordered; the density is that of the lattice's source. Then twenty files
of the five kinds of faults, in ``cifs/damaged``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from ase import Atoms
from ase.io import write

from iceclass.errors import InputError
from iceclass.generation.formats import to_ase
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import water_model

ICES = ("1h", "1c", "2", "3", "4", "5", "6", "7", "8", "9", "11", "12", "13", "16", "17", "0")
"""GenIce2's names of the ices that experiment knows, and ice 0, which is only predicted."""
SEVERAL_CELLS = {"4", "16"}
"""Those whose cell in GenIce2 is several primitive ones, of over a hundred molecules together."""


def ices(seeds: int) -> Iterator[tuple[str, Atoms]]:
    """Name and structure: as many proton orders as there are seeds, ordered ices once."""
    small = replace(water_model("tip4p-ice"), r_cut=2.0)  # the smallest cell, not one to simulate
    for name in ICES:
        known: list[np.ndarray] = []
        for seed in range(1, seeds + 1):
            repetition = (1, 1, 2) if name == "3" else (1, 1, 1)  # one cell of it hangs GenIce2
            try:
                size = Size(repetition=repetition, primitive=name in SEVERAL_CELLS)
                made = build(name, small, seed=seed, size=size)
            except InputError:
                break
            atoms = to_ase(made)
            del atoms.arrays["mol"]
            if any(np.allclose(atoms.positions, k, atol=1e-6) for k in known):
                continue
            known.append(atoms.positions)
            yield f"ice{name}_{seed}", atoms


def cif(atoms: Atoms, density: float | None = None) -> str:
    """The text of a CIF file."""
    out = io.BytesIO()
    write(out, atoms, format="cif")
    text = out.getvalue().decode()
    if density is None:
        return text
    first, rest = text.split("\n", 1)
    return f"{first}\n_exptl_crystal_density_diffrn {density:.4f}\n{rest}"


def damaged(atoms: Atoms) -> Iterator[tuple[str, str]]:
    """Name and text of twenty damaged files of the five kinds, four each."""
    good = cif(atoms)
    lines = good.splitlines()
    yield "unreadable-empty", ""
    yield "unreadable-text", "this is not a CIF file\n"
    yield "unreadable-cut", good[: len(good) // 3]
    yield "unreadable-number", good.replace("_cell_length_a ", "_cell_length_a x")
    yield "meaningless-density", cif(atoms, 2.9)
    yield "meaningless-cell", good.replace("_cell_angle_alpha    90.0", "_cell_angle_alpha    0.0")
    for name, factor in (("squeezed", 0.1), ("blown-up", 8.0)):
        changed = atoms.copy()
        changed.set_cell(atoms.cell * factor, scale_atoms=True)
        yield f"meaningless-{name}", cif(changed)
    places = [k for k, line in enumerate(lines) if line.split()[:1] in (["O"], ["H"])]
    for name, k in (("first", places[0]), ("last", places[-1])):
        words = lines[k].split()
        words[-1] = "0.5"  # the occupancy
        changed_lines = [*lines]
        changed_lines[k] = "  ".join(words)
        yield f"ambiguous-half-{name}", "\n".join(changed_lines) + "\n"
    shared = [*lines, lines[places[0]].replace("O ", "F ", 1)]
    yield "ambiguous-shared", "\n".join(shared) + "\n"
    half = good.replace(" 1.0000", " 0.5000")
    yield "ambiguous-all-half", half
    yield "hydrogens-none", cif(atoms[atoms.numbers == 8])
    yield "hydrogens-one-gone", cif(atoms[:-1])
    close = atoms.copy()
    close.positions[1] = close.positions[0] + [0.3, 0.0, 0.0]
    yield "hydrogens-on-oxygen", cif(close)
    pair = atoms.copy()
    pair.positions[2] = pair.positions[1] + [0.0, 0.5, 0.0]
    yield "hydrogens-too-close", cif(pair)
    # whole molecules far apart: a relaxation collapses
    for factor in (1.6, 1.8, 2.0, 2.2):
        apart = atoms.copy()
        oxygens = np.flatnonzero(apart.numbers == 8)
        shift = (factor - 1.0) * apart.positions[oxygens]
        apart.positions += np.repeat(shift, 3, axis=0)
        apart.set_cell(atoms.cell * factor)
        yield f"unfinished-{factor:g}-times-apart", cif(apart)


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--seeds", default=5, show_default=True, help="Proton orders of a disordered ice.")
def main(directory: Path, seeds: int) -> None:
    from iceclass.crystals.faults import mass_density

    (directory / "damaged").mkdir(parents=True, exist_ok=True)
    count, first = 0, None
    for name, atoms in ices(seeds):
        (directory / f"{name}.cif").write_text(cif(atoms, mass_density(atoms)), encoding="utf-8")
        first = first or atoms
        count += 1
    assert first is not None
    for name, text in damaged(first):
        (directory / "damaged" / f"{name}.cif").write_text(text, encoding="utf-8")
    click.echo(f"{directory}: {count} ices, and damaged files")


if __name__ == "__main__":
    main()
