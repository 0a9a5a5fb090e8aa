"""The command line itself: light, documented, and clear about what went wrong."""

import subprocess
import sys

import click
import pytest

from iceclass._version import __version__
from iceclass.cli.main import COMMANDS, cli, main


def run(*arguments):
    """Exit status of the command line, in this process."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return stop.value.code


def imported_by(*arguments):
    """Names of the modules a command line imports in a process of its own."""
    command = [sys.executable, "-X", "importtime", "-m", "iceclass.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done, {line.rpartition("|")[2].strip() for line in lines}


def test_help_imports_nothing_heavy():
    done, modules = imported_by("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    heavy = {"numpy", "numba", "ase", "h5py", "matplotlib", "torch", "scipy", "rich"}
    assert not heavy & modules


def test_importing_the_package_is_light():
    code = "import sys, iceclass; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "torch", "numba"} & set(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name):
    command = cli.get_command(click.Context(cli), name)
    assert command.short_help == COMMANDS[name]
    assert command.help.splitlines()[0] == COMMANDS[name]
    assert f"iceclass {name} " in command.help, "an example belongs in the help"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name} has no help"


def test_version(capsys):
    assert run("--version") == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lable", "x"], "did you mean 'label'"),
        (["label"], "Missing argument"),
        (["label", "x", "--types", "1O"], "expected TYPE=ELEMENT"),
        (["label", "x", "--types", "1=O,1=H"], "1 is given twice"),
        (["label", "x", "--frobnicate"], "No such option"),
        (["generate", "ih", "--format", "lamps"], "did you mean 'lammps'"),
        (["generate", "ih", "--water-model", "tip4p"], "did you mean 'tip4p-"),
        (["generate", "water"], "add --md"),
        (["featurize", "nowhere", "-o", "x.h5"], "no such file or directory"),
        (["train", "nowhere.h5"], "no such feature store"),
        (["info", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage_is_status_2_with_one_clear_line(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(capsys):
    assert run("label", "nowhere.dump", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err
