"""Fuzz what iceclass reads: damaged and hostile files, each ending in a result or a clear error.

    python -m pipelines.fuzz.run --target dump --cases 20000 --seed 1

Every case comes from the seed and its number alone. Files of violations are kept under
``--save``, from where ``--replay FOLDER`` runs one again, in this process and with a traceback.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is imported: the cases run in a forked child

import json  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
from collections import Counter  # noqa: E402
from pathlib import Path  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402

import click  # noqa: E402

from pipelines.fuzz.targets import TARGETS, warm  # noqa: E402
from pipelines.fuzz.watch import Outcome, case_of, run_cases  # noqa: E402


@click.command()
@click.option("--target", "names", multiple=True, type=click.Choice(sorted(TARGETS)))
@click.option("--cases", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--first", type=int, default=0, help="Number of the first case.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--save", type=click.Path(path_type=Path), help="Where violations are kept.")
@click.option("--messages", is_flag=True, help="Print one example of every kind of refusal.")
@click.option("--json", "table", type=click.Path(path_type=Path), help="Write the counts here.")
@click.option("--replay", type=click.Path(exists=True, path_type=Path), help="A kept violation.")
def main(
    names: tuple[str, ...],
    cases: int,
    first: int,
    seed: int,
    save: Path | None,
    messages: bool,
    table: Path | None,
    replay: Path | None,
) -> None:
    """Run cases of one or more targets (default: all) and count what became of them."""
    if replay is not None:
        _replay(replay)
        return
    rows = [
        _run(name, range(first, first + cases), seed, save, messages) for name in names or TARGETS
    ]
    if table is not None:
        table.write_text(json.dumps(rows, indent=1) + "\n")
    if any(row["violations"] for row in rows):
        raise SystemExit(1)


def _run(
    name: str, indices: range, seed: int, save: Path | None, messages: bool
) -> dict[str, object]:
    target = TARGETS[name]()
    kinds: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    violations: Counter[str] = Counter()
    examples: dict[str, tuple[int, Outcome]] = {}
    peak, slowest = 0, 0.0
    for outcome in run_cases(name, target, seed, indices, warm):
        kinds[outcome.kind] += 1
        peak, slowest = max(peak, outcome.growth), max(slowest, outcome.seconds)
        if outcome.kind == "refused":
            refused[outcome.what] += 1
        if outcome.kind == "violation":
            place = _place(outcome.message)
            violations[f"{outcome.what} {place}"] += 1
            if violations[f"{outcome.what} {place}"] <= 3:
                _echo(f"{name} {outcome.index}: {outcome.what} {place}\n{outcome.message}")
                if save is not None:
                    case = case_of(name, target, seed, outcome.index)
                    folder = save / f"{name}-{seed}-{outcome.index}"
                    folder.mkdir(parents=True, exist_ok=True)
                    for file, data in case.files.items():
                        (folder / file).write_bytes(data)
                    (folder / "case.json").write_text(json.dumps([name, case.action]))
        shape = _shape(outcome.message)
        count, example = examples.get(shape, (0, outcome))
        examples[shape] = (count + 1, example)
    if messages:
        for count, example in sorted(examples.values(), key=lambda pair: -pair[0]):
            _echo(f"{count:6d}  {example.index:6d}  {example.message[:400]}")
    click.echo(
        f"{name}: {sum(kinds.values())} cases, {kinds['accepted']} accepted, "
        f"{kinds['refused']} refused {dict(refused)}, {kinds['violation']} violations "
        f"{dict(violations)}, at most {peak / 2**20:.0f} MiB and {slowest:.1f} s a case"
    )
    return {
        "target": name,
        "cases": sum(kinds.values()),
        "accepted": kinds["accepted"],
        "refused": dict(refused),
        "violations": dict(violations),
        "peak_mib": round(peak / 2**20),
        "slowest_s": round(slowest, 1),
    }


def _echo(text: str) -> None:
    """Print what may hold half a character."""
    click.echo(text.encode("utf-8", "backslashreplace"))


def _place(message: str) -> str:
    """The last line of iceclass in a traceback."""
    found = re.findall(r'iceclass/([\w/]+\.py)", line (\d+)', message)
    return ":".join(found[-1]) if found else ""


def _shape(message: str) -> str:
    """A message without what changes from case to case."""
    message = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "'…'", message.split("case/")[-1])
    return re.sub(r"-?[\d.]+(e[+-]?\d+)?", "#", message)[:80]


def _replay(folder: Path) -> None:
    name, action = json.loads((folder / "case.json").read_text())
    with TemporaryDirectory() as work:
        for path in folder.iterdir():
            if path.name != "case.json":
                shutil.copy(path, work)
        TARGETS[name]().run(Path(work), action)
    click.echo("accepted")


if __name__ == "__main__":
    main()
