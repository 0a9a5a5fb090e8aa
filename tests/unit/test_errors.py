"""Errors say where, and name what is near to what was typed."""

import pickle

import pytest

from iceclass.errors import CutShortError, InputError, unknown_name


def test_a_place_is_added_where_it_is_not_known():
    error = CutShortError("ends early", line=7)
    assert error.at(path="a.dump", frame=3, line=9) is error
    assert str(error) == "a.dump, frame 3, line 7: ends early"
    assert str(error.at(path="b.dump", frame=0)) == str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (CutShortError, str(error))
    assert str(InputError("no").at(frame=0)) == "frame 0: no", "the first frame is a place, too"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tip4p", "did you mean 'tip4p-2005'?"),  # begins like it, if less like as a whole
        ("TIP3", "did you mean 'tip3p'?"),
        ("spce", "did you mean 'spc-e'?"),
        ("", "known: "),
        ("amoeba", "known: "),
    ],
)
def test_the_nearest_name(name, said):
    error = unknown_name("water model", name, ("tip3p", "tip4p-ice", "tip4p-2005", "spc-e"))
    assert str(error).startswith(f"unknown water model {name!r}; {said}")
