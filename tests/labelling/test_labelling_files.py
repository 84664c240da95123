import json
from pathlib import Path
from typing import Any

import pytest
from name_server import lines

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.labelling.files import LabelFiles, Setting, find_done
from spacy_slm_ner.labelling.silver import Outcome
from spacy_slm_ner.labelling.texts import TextKey

SETTINGS: dict[str, Setting] = {"--passes": 1, "--cheap": None}
KEYS = [TextKey("a b.csv", number, "0f") for number in range(4)]
OUTCOMES = {
    KEYS[0]: Outcome({"text": "日本 \u2028"}, None),
    KEYS[1]: Outcome(None, {"text": "\ud83d", "problems": ["half a character"]}),
    KEYS[2]: Outcome({"text": "b"}, None),
}


def opened(folder: Path, settings: dict[str, Setting] = SETTINGS, paid: float = 0.5) -> LabelFiles:
    files = LabelFiles(folder / "out.jsonl", settings, paid)
    files.close()
    return files


def stored(folder: Path) -> LabelFiles:
    files = LabelFiles(folder / "out.jsonl", SETTINGS, 0.5)
    files.store(OUTCOMES)
    files.close()
    return files


def test_what_is_stored_is_there_again(tmp_path: Path) -> None:
    first = stored(tmp_path)
    again = opened(tmp_path, paid=9.0)
    for files in (first, again):
        assert (files.done, files.records, files.problems, files.paid_before) == (set(KEYS[:3]), 2, 1, 0.5)
    assert [record["text"] for record in lines(tmp_path / "out.jsonl")] == ["日本 \u2028", "b"]
    assert lines(tmp_path / "out.problems.jsonl")[0]["text"] == "\ud83d"
    assert find_done(tmp_path / "out.jsonl") == set(KEYS[:3])


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_journal_that_is_cut_off_anywhere_is_gone_on_with(tmp_path: Path, cut: int) -> None:
    stored(tmp_path)
    journal = tmp_path / "out.journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    files = LabelFiles(tmp_path / "out.jsonl", SETTINGS, 0.5)
    files.store({key: outcome for key, outcome in OUTCOMES.items() if key not in files.done})
    files.close()
    assert [record["text"] for record in lines(tmp_path / "out.jsonl")] == ["日本 \u2028", "b"]
    assert len(lines(tmp_path / "out.problems.jsonl")) == 1


def test_a_text_that_is_in_the_journal_twice_counts_once(tmp_path: Path) -> None:
    stored(tmp_path)
    journal = tmp_path / "out.journal.jsonl"
    journal.write_bytes(journal.read_bytes() + journal.read_bytes().split(b"\n")[1] + b"\n")
    assert (len(opened(tmp_path).done), len(lines(tmp_path / "out.jsonl"))) == (3, 2)


def test_a_choice_is_kept(tmp_path: Path) -> None:
    files = LabelFiles(tmp_path / "out.jsonl", SETTINGS, 0.0)
    assert files.chosen is None
    files.choose([KEYS[2], KEYS[0]])
    files.close()
    assert opened(tmp_path).chosen == [KEYS[2], KEYS[0]]
    with pytest.raises(ReadError, match="--passes was 1, is 3"):
        opened(tmp_path, {**SETTINGS, "--passes": 3})


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"kind": "start", "spec": "0f"}, id="of-generate"),
        pytest.param({"text": "[]", "record": None}, id="of-review"),
    ],
)
def test_the_journal_of_another_command_is_left_alone(tmp_path: Path, entry: dict[str, Any]) -> None:
    journal = tmp_path / "out.journal.jsonl"
    journal.write_text(json.dumps(entry) + "\n")
    with pytest.raises(ReadError, match="is no journal of `label`"):
        opened(tmp_path)
    assert json.loads(journal.read_text()) == entry


def test_settings_may_change_until_there_is_a_result(tmp_path: Path) -> None:
    opened(tmp_path)
    changed = opened(tmp_path, {**SETTINGS, "--passes": 3}, paid=0.7)
    assert changed.paid_before == 0.5
    opened(tmp_path, {**SETTINGS, "--passes": 3})
