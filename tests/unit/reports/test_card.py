"""The card of a model says what its file says, and stays Markdown whatever stands there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from iceclass.errors import ModelError
from iceclass.evaluation.metrics import evaluate
from iceclass.model.file import load_model, save_model, shipped_models
from iceclass.model.summary import summary_of
from iceclass.phases import label_of
from iceclass.reports.card import limits, model_card
from iceclass.reports.words import percent
from tests.helpers.iceframes import ice_table, trained

HEADINGS = [
    "What it is for",
    "How it was trained",
    "Descriptor and network",
    "How good it is",
    "Calibration",
    "Novelty",
    "Limits",
    "Licence",
    "Make it again, test it",
]


def parsed(card: str) -> list:
    return MarkdownIt("commonmark").enable("table").parse(card)


def headings(card: str, level: str) -> list[str]:
    tokens = parsed(card)
    return [
        tokens[i + 1].content
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == level
    ]


def cells(card: str) -> list[str]:
    tokens = parsed(card)
    return [
        "".join(child.content for child in tokens[i + 1].children)
        for i, token in enumerate(tokens)
        if token.type in ("td_open", "th_open")
    ]


def test_the_card_tells_what_is_in_the_file(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_model(trained().model, path)
    card, evaluation = model_card(load_model(path), path), trained().evaluation
    assert headings(card, "h1") == ["mine"]
    assert headings(card, "h2") == HEADINGS
    found = cells(card)
    for value in (
        evaluation.accuracy,
        evaluation.balanced_accuracy,
        evaluation.macro_f1,
        *evaluation.recall,
        *evaluation.precision,
        *evaluation.f1,
    ):
        assert percent(round(float(value), 6)) in found
    for name in evaluation.classes:
        assert label_of(name) in found
    split = trained().model.record["split"]
    for side in ("train", "validation", "test"):
        assert str(split[side]["rows"]) in [cell.replace(" ", "") for cell in found]
        assert f"- {side}, ice Ih: `{split[side]['preparations']['ih'][0]}`" in card
    assert "iceclass train ices.h5" in card
    assert "iceclass evaluate mine.safetensors" in card
    assert f"temperature of {trained().model.temperature:.3f}" in card
    assert "ask whoever made it" in card


def test_preparations_that_differ_by_a_number_are_named_once():
    record = {
        "split": {
            "by": "preparation",
            "train": {
                "rows": 9,
                "trajectories": 9,
                "preparations": {"ih": ["b", *(f"cut_{k}" for k in range(12)), "a_1", "a_2"]},
            },
        }
    }
    card = model_card(replace(trained().model, record=record))
    assert "- train, ice Ih: `b`, 12 of `cut_N`, `a_1`, `a_2`" in card


def test_evaluations_are_added_and_checked():
    model = trained().model
    summary = evaluate(model, ice_table(("ih", "ii"))).summary()
    card = model_card(model, evaluations={"two ices": summary})
    assert headings(card, "h3") == ["On the test side of the split", "On two ices"]
    assert "% on two ices" in card
    with pytest.raises(ModelError, match="two ices is of model '0'"):
        model_card(model, evaluations={"two ices": summary | {"model_id": "0"}})
    for broken in ({}, summary | {"per_class": 3}, summary | {"accuracy": "much"}):
        with pytest.raises(ModelError, match="not those of an evaluation"):
            model_card(model, evaluations={"x": broken | {"model_id": model.model_id}})


def test_every_shipped_model_has_a_card():
    for name, path in shipped_models().items():
        model = load_model(name)
        card = model_card(model, path)
        assert headings(card, "h2") == HEADINGS
        assert percent(model.record["test"]["accuracy"]) in cells(card)
        assert "CC-BY-4.0" in card
        assert f"iceclass evaluate {path.stem} reference" in card


@pytest.mark.parametrize("missing", ["everything", "test", "split", "novelty"])
def test_what_the_file_does_not_tell_is_said(missing):
    record = dict(trained().model.record)
    record.pop(missing, None)
    model = replace(trained().model, record=None if missing == "everything" else record)
    if missing == "novelty":
        model = replace(model, novelty=None)
    card = model_card(model)
    assert headings(card, "h2") == HEADINGS
    expected = {
        "everything": "The model file does not tell.",
        "test": "Not tested:",
        "split": "The model file does not tell.",
        "novelty": "no molecule is ever called *unknown*",
    }
    assert expected[missing] in card


def test_limits_are_those_of_the_model():
    facts = summary_of(trained().model)
    assert "XI and Ih, XIII and V, IX and III" in limits(facts)[0]
    assert not [text for text in limits(facts) if "glass" in text]
    wide = replace(
        facts,
        classes=("ii", "water", "lda"),
        parameters=facts.parameters | {"average_radius": 3.7},
        split_by="molecule",
        novelty={},
    )
    told = " ".join(limits(wide))
    for words in (
        "called an amorphous ice",
        "within 3.7 Å",
        "how well it remembers",
        "Nothing is ever",
    ):
        assert words in told
    assert "XI and" not in told


HOSTILE = "a|b`<img src=x>\x1b[31m\n# no heading\n\n| x |"


def test_hostile_records_cannot_become_markup():
    record = dict(trained().model.record)
    record["command"] = record["created"] = HOSTILE
    record["versions"] = {HOSTILE: HOSTILE}
    record["config"] = {HOSTILE: [HOSTILE]}
    record["split"] = {
        side: {"rows": 1, "trajectories": 1, "preparations": {HOSTILE: [HOSTILE]}}
        for side in ("train", "test")
    } | {"by": HOSTILE}
    record["test"] = dict(record["test"])
    record["test"]["per_class"] = {HOSTILE: next(iter(record["test"]["per_class"].values()))}
    card = model_card(replace(trained().model, record=record))
    assert "\x1b" not in card
    assert headings(card, "h2") == HEADINGS
    assert len(headings(card, "h1")) == 1
    kinds = {child.type for token in parsed(card) for child in token.children or ()}
    assert not {"html_inline", "image", "link_open"} & kinds
    assert "html_block" not in {token.type for token in parsed(card)}


@pytest.mark.parametrize(
    "record",
    [
        {"versions": 3},
        {"config": [1]},
        {"best_epoch": "x"},
        {"history": 5},
        {"split": {"train": {"rows": "many", "trajectories": 1, "preparations": {}}}},
        {"test": {"rows": 1, "per_class": {"ih": {}}}},
        {"seconds": []},
    ],
)
def test_records_of_another_form_are_refused_with_the_file(record, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"read for its size")
    with pytest.raises(ModelError, match=r"mine.safetensors: the training record is not one that"):
        summary_of(replace(trained().model, record=record), path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0.00 %"),
        (1e-6, "< 0.01 %"),
        (0.5, "50.00 %"),
        (0.99996, "99.996 %"),
        (0.999999, "99.9999 %"),
        (1.0, "100.00 %"),
    ],
)
def test_percent_keeps_nearly_all_apart_from_all(value, text):
    assert percent(value) == text
