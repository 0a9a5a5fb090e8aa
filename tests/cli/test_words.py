"""What the library says in Python's words, the command line says in its own."""

import re
from pathlib import Path

import pytest

import iceclass
from iceclass.cli.words import as_options, message_of
from iceclass.errors import InputError


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("use force=True to replace it", "use --force to replace it"),
        ('on_error="skip" goes on', "--on-error skip goes on"),
        ('tell it: types={1: "O", 2: "H"}', "tell it: --types 1=O,2=H"),
        ("""tell it: types={'OW': "O"}, if so""", "tell it: --types OW=O, if so"),
        ("every=3, that is", "--every 3, that is"),
        ('Lattice="..." of extended xyz', 'Lattice="..." of extended xyz'),
        ("types=nonsense", "types=nonsense"),
        ("idle is 0 s or more", "idle is 0 s or more"),
    ],
)
def test_hints(hint, expected):
    assert as_options(hint) == expected
    error = InputError("no", path="a.dump", hint=hint)
    assert message_of(error) == f"a.dump: no; {expected}"
    assert message_of(ValueError("no")) == "no"


def test_the_library_does_not_speak_of_options():
    """Outside the command line, no text in quotes names one."""
    root = Path(iceclass.__file__).parent
    option = re.compile(r"""hint=.*--[a-z]|Error\(.*--[a-z]""")
    said = [
        f"{path.relative_to(root)}:{number}"
        for path in sorted(root.rglob("*.py"))
        if path.relative_to(root).parts[0] != "cli"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if option.search(line) and "iceclass generate" not in line
    ]
    assert said == []
