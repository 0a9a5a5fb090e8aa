"""NAME=VALUE as people type it."""

import pytest

from iceclass.errors import InputError
from iceclass.io.text.pairs import parse_pair, parse_pairs


def test_pairs():
    assert parse_pair(" a = b=c ") == ("a", "b=c")
    assert parse_pairs(["1=O", " 2 = H"]) == {"1": "O", "2": "H"}
    assert parse_pairs([]) == {}


@pytest.mark.parametrize("text", ["", "a", "a=", "=b", " = "])
def test_what_is_no_pair(text):
    with pytest.raises(InputError, match=r"is not understood: expected KEY=VALUE"):
        parse_pairs(["x=y", text], "KEY=VALUE")


def test_a_name_that_comes_twice():
    with pytest.raises(InputError, match="'a=2' is not understood: a is given twice"):
        parse_pairs(["a=1", "a=2"])
