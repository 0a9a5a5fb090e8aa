"""``iceclass bench``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.benchmark import Settings, run
from iceclass.cli.options import PATH, quiet_option, say
from iceclass.reports.benchmark import as_text, check_directory, write_benchmark


@click.command(short_help="Time descriptors and labelling against their references.")
@click.option(
    "--descriptor",
    "names",
    multiple=True,
    metavar="NAME",
    help="Measure this one, soap-325-avg for instance; can be repeated. [default: every preset]",
)
@click.option(
    "--molecules", type=click.IntRange(min=8), help="Size of both configurations. [default: 4000]"
)
@click.option("--repeats", type=click.IntRange(min=1), help="Samples of every timing. [default: 7]")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    multiple=True,
    help="Number of threads beside one; can be repeated. [default: two, and every core]",
)
@click.option("--skip-growth", is_flag=True, help="Leave out the sizes up to 100 000 molecules.")
@click.option("--skip-labelling", is_flag=True, help="Leave out labelling, CHILL+ and PTM.")
@click.option("--quick", is_flag=True, help="Small and few: see that it works, not how fast.")
@click.option(
    "-o",
    "--output",
    type=PATH,
    default=Path("bench"),
    show_default=True,
    help="Directory for tables and figures; those of an earlier run are replaced.",
)
@quiet_option
def command(
    names: tuple[str, ...],
    molecules: int | None,
    repeats: int | None,
    threads: tuple[int, ...],
    skip_growth: bool,
    skip_labelling: bool,
    quick: bool,
    output: Path,
    quiet: bool,
) -> None:
    """Time descriptors and labelling against their references.

    Every descriptor is timed on displaced ice Ih and on liquid water, in turn with DScribe (SOAP,
    symmetry functions) or LAMMPS (bispectrum); labelling a text dump in turn with the
    CHILL+ of OVITO, mdapy and d-SEAMS and OVITO's polyhedral template matching, and its threads
    with as many processes side by side; reading a binary dump in turn with a text dump. A reference
    that is not installed is named. Compilation is not counted. Ratios are of processor time for one
    thread, else of the wall clock, each the median of ratios of samples taken in turn. An averaged
    descriptor (-avg) is compared with the reference's without averaging.

    Written: bench.csv, growth.csv, bench.json (with every sample), bench.png, growth.png.

    \b
    Examples:
      iceclass bench
      iceclass bench --descriptor soap-325 --skip-growth -o soap/
    """
    settings = Settings(names=names, threads=threads, labelling=not skip_labelling)
    if skip_growth:
        settings = settings.with_(sizes=())
    if quick:
        settings = settings.quick()
    given = {"molecules": molecules, "repeats": repeats}
    settings = settings.with_(**{key: value for key, value in given.items() if value is not None})
    check_directory(output)
    benchmark = run(settings, say(quiet))
    written = write_benchmark(benchmark, output)
    click.echo(as_text(benchmark))
    if not quiet:
        click.echo("\nwritten: " + ", ".join(str(path) for path in written))
