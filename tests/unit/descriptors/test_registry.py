from __future__ import annotations

import json

import pytest

import iceclass.descriptors as D
from iceclass.descriptors.soap.descriptor import Soap
from iceclass.errors import InputError


def test_presets():
    found = D.presets()
    assert found["soap-37"] == Soap(n_max=3, l_max=5)
    assert found["soap-325"] == Soap(n_max=8, l_max=8)
    assert {name: d.n_features for name, d in found.items()} == {
        "acsf": 45,
        "acsf-52": 52,
        "acsf-ladder": 35,
        "bispectrum-30": 30,
        "bispectrum-55": 55,
        "mtp-6": 5,
        "mtp-8": 9,
        "mtp-10": 16,
        "mtp-12": 29,
        "mtp-14": 52,
        "mtp-16": 92,
        "soap-37": 37,
        "soap-325": 325,
        "soap-148": 148,
    }


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("soap-37", Soap(n_max=3, l_max=5)),
        ("soap-325", Soap()),
        ("soap-325-avg", Soap(average_radius=3.7)),
        ("soap-325-wide", Soap(average_radius=8.0, concatenate_self=True)),
        (
            "soap-325-scales",
            Soap(average_radius=8.0, concatenate_self=True, inner_radius=3.7),
        ),
        ("soap-325-avg(radius=5.0, own=True)", Soap(average_radius=5.0, concatenate_self=True)),
        (
            "soap-37-avg(radius=5.5, passes=2)",
            Soap(n_max=3, l_max=5, average_radius=5.5, average_passes=2),
        ),
        ("soap-325-avg(radius=4.0)", Soap(average_radius=4.0)),
        ("soap(n_max=8, l_max=6, r_cut=5.0, sigma=0.4)", Soap(l_max=6, r_cut=5.0, sigma=0.4)),
        (
            "soap(n_max=3, l_max=5, r_cut=6.0, sigma=0.5, normalise=False)-avg",
            Soap(n_max=3, l_max=5, normalise=False, average_radius=3.7),
        ),
    ],
)
def test_names_go_both_ways(name, made):
    assert D.descriptor(name) == made
    assert made.name == name


def test_parameters_left_out_have_their_defaults():
    assert D.descriptor(" soap( r_cut=5 ) ") == Soap(r_cut=5.0)
    assert D.descriptor("soap()").name == "soap-325"


def test_parameters_of_a_preset_can_be_changed():
    assert D.descriptor("soap-37(r_cut=10)") == Soap(n_max=3, l_max=5, r_cut=10.0)
    assert D.descriptor("soap-37(r_cut=10)-avg").average_radius == 3.7
    assert D.descriptor("acsf-52(r_angular=5.5)") == D.descriptor("acsf-52").with_(r_angular=5.5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("soap-352", "unknown descriptor 'soap-352'; did you mean 'soap-325'?"),
        ("SOAP-37", "did you mean 'soap-37'?"),
        ("soap-325-av", "did you mean 'soap-325-avg'?"),
        ("soap", "did you mean 'soap-148'?"),
        ("", "unknown descriptor ''"),
        ("soap-352(r_cut=8)", "unknown descriptor 'soap-352'; did you mean 'soap-325'?"),
        ("sap(r_cut=8)", "unknown descriptor 'sap'; did you mean 'soap'?"),
        ("soap-325(radius=3)", "unknown parameter of soap 'radius'"),
        ("soap(n_mx=3)", "unknown parameter of soap 'n_mx'; did you mean 'n_max'?"),
        ("soap(n_max=x)", "n_max=x in 'soap(n_max=x)': expected a number"),
        ("soap(n_max)", "'n_max' is not understood: expected KEY=NUMBER"),
        ("soap(n_max=0)", "n_max is 0, expected 1 to 20"),
        ("soap(n_max=__import__('os'))", "unknown descriptor"),
        (
            "soap-37-avg(raduis=3)",
            "unknown parameter of averaging 'raduis'; did you mean 'radius'?",
        ),
        ("soap-37-avg(radius=-3)", "average_radius is -3.0"),
    ],
)
def test_bad_names(name, message):
    with pytest.raises(InputError) as caught:
        D.descriptor(name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["soap-37", "soap-325-avg", "soap-325-wide", "soap(n_max=2, r_cut=4.5)"]
)
def test_dict_goes_both_ways_through_json(name):
    made = D.descriptor(name)
    assert D.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def definition(**changes):
    return {key: value for key, value in (Soap().to_dict() | changes).items() if value != "drop"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (definition(family="saop"), "unknown descriptor family 'saop'; did you mean 'soap'?"),
        (definition(family="drop"), "needs a 'family'"),
        (definition(family=3), "needs a 'family'"),
        (["soap"], "needs a 'family'"),
        (definition(nmax=8), "unknown parameter of soap 'nmax'; did you mean 'n_max'?"),
        (definition(n_max="drop", sigma="drop"), "the soap definition lacks n_max, sigma"),
        (definition(n_max=10**9), "n_max is 1000000000, expected 1 to 20"),
        (definition(n_max=None), "n_max is None, expected a whole number"),
        (definition(r_cut="6"), "r_cut is '6', expected a finite number"),
        (definition(r_cut=float("inf")), "r_cut is inf, expected a finite number"),
        (definition(r_cut=10**400), "expected a finite number"),
        (definition(normalise="yes"), "normalise is 'yes', expected true or false"),
    ],
)
def test_bad_definitions(given, message):
    with pytest.raises(InputError) as caught:
        D.from_dict(given)
    assert message in str(caught.value)


def test_with_changes_a_copy():
    made = D.descriptor("soap-325")
    assert made.with_(r_cut=5.0) == Soap(r_cut=5.0)
    assert made == Soap()
    with pytest.raises(InputError, match="unknown parameter of soap 'rcut'; did you mean 'r_cut'"):
        made.with_(rcut=5.0)
