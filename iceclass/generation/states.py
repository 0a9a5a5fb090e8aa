"""The default state points: five preparations a phase, four states each, on TIP4P/Ice.

Twenty different ones cover a phase's field of (meta)stability better than four repeated five
times. Crystals go from cold to near melting at the pressures where they occur, recovered cold
at 0 GPa too; water from 245 to 350 K and up to 0.8 GPa; the glasses from 80 to 130 K, HDA under
up to 1.5 GPa and recovered; ices beside the study's where they occur, VII at some GPa, hydrates
near 0 GPa. Each preparation visits its four in the order given.
"""

from __future__ import annotations

from iceclass.errors import InputError
from iceclass.generation.stages import State

_HYDRATE = (
    "100@0 150@0.1 200@0 245@0.05",
    "120@0 180@0 220@0.05 250@0",
    "90@0 130@0.05 190@0.1 235@0",
    "110@0 160@0.05 195@0 225@0",
    "95@0 140@0 185@0.1 215@0.05",
)
"""Of the hydrates, empty or filled."""

_DENSE = (
    "80@0.5 130@0.3 180@0.6 220@0.5",
    "100@0 150@0.8 200@1.0 235@0.7",
    "90@0.2 120@0.9 170@0.5 210@0.8",
    "95@0.4 140@0.7 190@0.5 215@0.9",
    "110@0.1 135@0.6 160@1.0 205@0.6",
)
"""Of ices IV and XII, which come and go together."""

_TABLE: dict[str, tuple[str, ...]] = {
    "ih": (
        "80@0 150@0.05 220@0 262@0",
        "100@0.1 170@0 240@0.1 255@0",
        "120@0 190@0.15 230@0.05 265@0",
        "90@0.05 160@0.1 210@0 250@0.05",
        "110@0 180@0.05 235@0 258@0.02",
    ),
    "ic": (
        "85@0 155@0.1 215@0 255@0",
        "105@0.05 175@0 235@0.05 250@0",
        "125@0 195@0.1 225@0 262@0",
        "95@0 165@0.05 205@0.1 245@0",
        "115@0.05 185@0 230@0 252@0.05",
    ),
    "ii": (
        "80@0 140@0.3 190@0.2 230@0.4",
        "100@0.2 160@0.5 200@0.3 220@0.3",
        "120@0.1 150@0 210@0.5 240@0.5",
        "90@0.4 170@0.2 205@0.4 225@0.5",
        "110@0 155@0.1 195@0.3 235@0.35",
    ),
    "iii": (
        "100@0 170@0.3 220@0.25 245@0.3",
        "130@0.2 190@0.35 230@0.3 240@0.25",
        "150@0.25 200@0.2 225@0.35 250@0.35",
        "110@0.3 180@0.25 215@0.3 235@0.35",
        "140@0.1 185@0.3 228@0.28 242@0.32",
    ),
    "v": (
        "100@0.3 180@0.5 230@0.4 255@0.6",
        "130@0.5 200@0.35 240@0.5 250@0.5",
        "150@0.2 190@0.7 225@0.6 265@0.7",
        "110@0 170@0.4 220@0.5 245@0.45",
        "140@0.6 195@0.5 235@0.45 258@0.55",
    ),
    "water": (
        "350@0.2 280@0.4 310@0 250@0",
        "340@0 300@0.8 275@0 255@0.2",
        "330@0.6 290@0 265@0.1 245@0",
        "320@0 300@0.3 270@0.5 248@0.1",
        "345@0.4 285@0.7 305@0.1 252@0.05",
    ),
    "lda": (
        "130@0 115@0 100@0 80@0",
        "125@0.05 110@0 95@0 85@0.05",
        "128@0 112@0.05 98@0 82@0",
        "122@0 108@0 92@0.05 80@0.1",
        "126@0.02 114@0 102@0.05 88@0",
    ),
    "hda": (
        "110@1.5 120@0.8 100@0.2 90@0",
        "130@1.2 115@0.6 105@0.1 80@0",
        "100@1.4 125@1.15 110@0.05 100@0",
        "120@1.5 105@1.2 95@0.05 85@0",
        "115@1.3 100@1.1 110@0.1 95@0",
    ),
    "mda": (
        "80@0 100@0 115@0 130@0",
        "85@0 105@0.1 120@0 125@0.05",
        "82@0.05 95@0 110@0.1 128@0",
        "90@0 102@0 118@0.05 122@0",
        "88@0.1 98@0 112@0 126@0.1",
    ),
    "ice0": (
        "100@0 150@0.1 200@0 240@0.05",
        "120@0 180@0 220@0.05 235@0",
        "90@0 130@0.05 190@0.1 230@0",
        "110@0 160@0.05 195@0 225@0",
        "95@0.05 140@0 185@0.05 215@0",
    ),
    "iv": _DENSE,
    "vi": (
        "100@0.8 160@1.0 220@0.9 270@1.6",
        "130@1.0 190@0.7 240@1.2 260@1.4",
        "80@0.5 150@1.2 210@1.4 250@1.0",
        "110@1.1 170@0.8 215@1.3 255@1.5",
        "90@0.7 140@1.3 200@1.0 245@1.2",
    ),
    "vii": (
        "100@3 180@4 260@3.5 320@6",
        "140@2.5 220@5 280@4 300@7",
        "80@3 160@6 240@4.5 310@5",
        "120@3.5 200@3 250@5 305@6",
        "90@4 150@3 230@6 285@4",
    ),
    "xii": _DENSE,
    "xvii": (
        "60@0 90@0 120@0.05 150@0",
        "80@0.05 100@0 130@0 140@0",
        "70@0 110@0 125@0 145@0",
        "75@0 95@0 115@0 135@0",
        "85@0 105@0 122@0.05 138@0",
    ),
    "cs1": _HYDRATE,
    "cs2": _HYDRATE,
    "sh": _HYDRATE,
}


def parse_state(text: str) -> State:
    """A state point written ``TEMPERATURE@PRESSURE`` (K, GPa); the pressure defaults to 0.

    Raises
    ------
    InputError
        Not of that form, or outside what the engine can do.
    """
    temperature, _, pressure = text.partition("@")
    try:
        return State(float(temperature), float(pressure or 0.0))
    except ValueError:
        raise InputError(
            f"state {text!r}: expected TEMPERATURE@PRESSURE in K and GPa, as in 240@0.1"
        ) from None


def default_states(phase: str, preparation: int = 1) -> tuple[State, ...]:
    """The default states of the ``preparation``-th sample of a phase (1, 2 … repeating after 5).

    Raises
    ------
    InputError
        A lattice without default states.
    """
    if phase not in _TABLE:
        raise InputError(
            f"there are no default states for {phase!r}",
            hint="give them, as in 100@0,200@0.5",
        )
    rows = _TABLE[phase]
    return tuple(parse_state(text) for text in rows[(preparation - 1) % len(rows)].split())
