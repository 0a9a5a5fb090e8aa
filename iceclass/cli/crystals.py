"""``iceclass crystals``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from iceclass.cli.options import PATH, complete_model, force_option, quiet_option, say

model_option = click.option(
    "-m",
    "--model",
    default="default",
    show_default=True,
    shell_complete=complete_model,
    help="What labels the structures of water.",
)


@click.group(short_help="Curate crystal structures from CIF files, and relax them.")
def command() -> None:
    """Curate crystal structures from CIF files, and relax them.

    \b
    Example:
      iceclass crystals collect cifs/ -o raw.db
      iceclass crystals clean raw.db -o clean.db
      iceclass crystals relax clean.db --calculator tip4p-ice -o relaxed.db
      iceclass crystals report relaxed.db --originals clean.db -o report/
    """


@command.command(short_help="CIF files to a database, faults found and named.")
@click.argument("paths", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", required=True, help="Database: .db, .json or postgresql://….")
@model_option
@force_option
@quiet_option
def collect(paths: tuple[Path, ...], output: str, model: str, force: bool, quiet: bool) -> None:
    """Read CIF files, or all *.cif in directories, into a database.

    Every structure is a row, faulty ones with their fault: unreadable, meaningless, a site that
    cannot be placed uniquely, hydrogens missing or misplaced.

    Example: iceclass crystals collect cifs/ -o raw.db
    """
    from iceclass.crystals.collect import collect as run
    from iceclass.crystals.collect import find_files
    from iceclass.crystals.faults import MEANINGS, Fault
    from iceclass.model.file import load_model
    from iceclass.tables import terminal_table

    crystals = run(find_files(paths), output, load_model(model), force=force)
    if quiet:
        return
    faulty = [(c.source, c.finding) for c in crystals if c.finding is not None]
    if faulty:
        rows = [(source, str(f.fault), f.message) for source, f in faulty]
        click.echo(terminal_table(("structure", "fault", "what was found"), rows, left=3) + "\n")
    counts = [(str(f), MEANINGS[f], str(sum(x.fault == f for _, x in faulty))) for f in Fault]
    good = ("none", "", str(len(crystals) - len(faulty)))
    used = [good, *(row for row in counts if row[2] != "0")]
    click.echo(terminal_table(("fault", "meaning", "structures"), used, left=2))
    click.echo(f"written: {output}")


@command.command(short_help="Leave out what is faulty, and sort.")
@click.argument("database")
@click.option("-o", "--output", required=True, help="Database: .db, .json or postgresql://….")
@click.option("--elements", help="Only structures of these, as in H,O.")
@click.option("--max-atoms", type=click.IntRange(min=1), help="At most so many atoms.")
@click.option("--phase", "phases", multiple=True, help="Only this phase. Can be repeated.")
@force_option
@quiet_option
def clean(
    database: str,
    output: str,
    elements: str | None,
    max_atoms: int | None,
    phases: tuple[str, ...],
    force: bool,
    quiet: bool,
) -> None:
    """Write the structures without fault to another database, smallest first.

    Example: iceclass crystals clean raw.db -o clean.db --elements H,O
    """
    from iceclass.crystals.clean import CleanOptions
    from iceclass.crystals.clean import clean as run

    tell = say(quiet)
    options = CleanOptions(
        elements=None if elements is None else tuple(elements.split(",")),
        max_atoms=max_atoms,
        phases=phases or None,
    )
    taken = run(
        database,
        output,
        options,
        force=force,
        report=lambda entry, why: tell(f"left out: {entry.source}: {why}"),
    )
    click.echo(f"{output}: {len(taken)} structures")


@command.command(short_help="Relax positions and cells.")
@click.argument("database")
@click.option("-o", "--output", required=True, help="Database; what is in it is not done again.")
@click.option(
    "-c",
    "--calculator",
    required=True,
    help="ani1x, ani1ccx (or with :FOLDER), chgnet, tblite:GFN1-xTB, hdnnp:FOLDER, tip4p-ice, "
    "module:Class.",
)
@click.option("--fmax", type=click.FloatRange(min=1e-6), default=0.0005, show_default=True)
@click.option("--steps", type=click.IntRange(min=0), default=300, show_default=True)
@click.option(
    "--steps-per-atom", type=click.IntRange(min=0), help="[default: 10 for ani1ccx, else 6]"
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True)
@model_option
@quiet_option
def relax(database: str, output: str, model: str, quiet: bool, **how: Any) -> int:
    """Relax the structures of a database; stopped, it goes on when given again.

    A structure that fails is recorded with its reason and the others go on; the exit status is
    then 1.

    Example: iceclass crystals relax clean.db --calculator chgnet -o chgnet.db
    """
    from rich.console import Console
    from rich.progress import Progress

    from iceclass.crystals.relax import RelaxOptions
    from iceclass.crystals.relax import relax as run
    from iceclass.model.file import load_model

    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("relax", total=None)

        def report(entry: Any, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if not quiet:
                what = f"failed: {entry.message}" if entry.fault else f"{entry.steps} steps"
                bar.console.print(f"{entry.source}: {what}", markup=False, highlight=False)

        entries = run(database, output, RelaxOptions(**how), load_model(model), report)
    failed = [e for e in entries if e.fault]
    click.echo(f"{output}: {len(entries) - len(failed)} relaxed, {len(failed)} failed")
    return 1 if failed else 0


@command.command(short_help="Errors of volume and cell against experiment.")
@click.argument("databases", nargs=-1, required=True)
@click.option("--originals", required=True, help="The database that was relaxed.")
@click.option("-o", "--output", type=PATH, required=True, help="Directory.")
@force_option
def report(databases: tuple[str, ...], originals: str, output: Path, force: bool) -> None:
    """Compare relaxed structures with experiment: table, histograms, what failed, phases.

    Example: iceclass crystals report chgnet.db tip4p.db --originals clean.db -o report/
    """
    from iceclass.crystals.database import entries
    from iceclass.crystals.deviations import compare
    from iceclass.errors import InputError
    from iceclass.reports.crystals import write_report

    known = {entry.source: entry for entry in entries(originals)}
    comparisons = []
    for database in databases:
        relaxed = entries(database)
        names = {entry.calculator for entry in relaxed}
        foreign = [entry.source for entry in relaxed if entry.source not in known]
        if len(names) != 1 or "" in names:
            raise InputError("holds no relaxations", path=database)
        if foreign:
            raise InputError(f"has {foreign[0]}, which {originals} has not", path=database)
        comparisons.append(compare(relaxed, known, names.pop()))
    click.echo(f"written: {write_report(comparisons, output, force=force)}")
