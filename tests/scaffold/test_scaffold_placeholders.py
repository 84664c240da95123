import json
from pathlib import Path
from typing import Sequence

import pytest

from spacy_slm_ner.cli.check import AllowedNames, check
from spacy_slm_ner.cli.convert import convert
from spacy_slm_ner.scaffold.placeholders import LEAST_RECORDS, placeholder_sets

SETS = [
    pytest.param(["PERSON", "JOB TITLE"], ["hire", "fire"], id="two"),
    pytest.param(["PERSON"], [], id="one-without-intents"),
    pytest.param(["a, b", "[x]"], ["ask, now"], id="commas"),
    pytest.param(["日付", "時間"], ["予約", "取消", "質問", "挨拶"], id="more-intents-than-labels"),
    pytest.param([f"LABEL {i}" for i in range(30)], [f"intent {i}" for i in range(7)], id="many"),
    pytest.param(["Sample 1", "Sample"], ["2"], id="words-of-the-sentences"),
    pytest.param(["x" * 80, "y" * 80], ["z" * 80, "u" * 80], id="long"),
]


def write(folder: Path, labels: Sequence[str], intents: Sequence[str]) -> list[Path]:
    paths = []
    for name, content in placeholder_sets(labels, intents).items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(content), encoding="utf8")
    return paths


@pytest.mark.parametrize(("labels", "intents"), SETS)
def test_every_name_occurs_in_every_file(labels: Sequence[str], intents: Sequence[str]) -> None:
    sets = placeholder_sets(labels, intents)
    assert list(sets) == ["train", "dev", "test"]
    for content in sets.values():
        records = content["dataset"]
        assert len(records) > LEAST_RECORDS
        assert {word["label"][2:] for record in records for word in record["labels"]} == set(labels)
        assert {record["intent"] for record in records if "intent" in record} == set(intents)
        assert any(not record["labels"] for record in records)
        assert content["model"] == "none: placeholders that `spacy-slm-ner init` wrote"


@pytest.mark.parametrize("lang", ["en", "de", "zh", "xx"])
@pytest.mark.parametrize(("labels", "intents"), SETS)
def test_check_finds_no_fault(labels: Sequence[str], intents: Sequence[str], lang: str, tmp_path: Path) -> None:
    _, (faults, notes) = check(write(tmp_path, labels, intents), lang, AllowedNames(labels, intents), "fail")
    assert (faults, notes) == ([], [])


@pytest.mark.parametrize(("labels", "intents"), SETS)
def test_the_entities_are_those_that_are_meant(labels: Sequence[str], intents: Sequence[str], tmp_path: Path) -> None:
    for path in write(tmp_path, labels, intents):
        found = convert([path], tmp_path / "out.spacy", labels=labels, intents=intents, on_error="fail")
        assert set(found["counts"]) <= {"ambiguous"} and set(found["entities"]) == set(labels)
