"""Completion in the shell, as the shell asks for it."""

import os
import subprocess
import sys

import pytest

from iceclass.cli.main import COMMANDS
from iceclass.model.file import shipped_models


def completed(line):
    """What Tab gives after these words, the last of them unfinished."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", "from iceclass.cli.main import main; main([])"],
        env=os.environ
        | {
            "_ICECLASS_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return {answer.split(",")[1] for answer in done.stdout.splitlines()}


def test_commands():
    assert completed("iceclass ") == set(COMMANDS)
    assert completed("iceclass la") == {"label"}


def test_options():
    assert completed("iceclass label --mo") == {"--model"}


@pytest.mark.parametrize("line", ["iceclass label --model ", "iceclass models "])
def test_models(line):
    assert set(shipped_models()) <= completed(line)
    assert "soap-148-scales" in completed(line + "soap-148-s")
