import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from spacy_slm_ner.models.pretrained.line_breaks import UNUSED, mark_line_breaks
from spacy_slm_ner.models.pretrained.origin import FILE

TEXT = "Hi Bob,\n\nsee you at 6 PM\nAda"


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    """The real cased WordPiece tokenizer."""
    shutil.copytree(data / "tokenizers" / "bert-cased-2000", tmp_path / "base")
    (tmp_path / "base" / "tokenizer.json").chmod(0o644)
    return tmp_path / "base"


def test_line_breaks_become_a_piece_and_offsets_stay_right(folder: Path) -> None:
    before = AutoTokenizer.from_pretrained(folder)(TEXT, return_offsets_mapping=True)
    piece = mark_line_breaks(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    after = tokenizer(TEXT, return_offsets_mapping=True)
    pieces = tokenizer.convert_ids_to_tokens(after.input_ids)
    breaks = [TEXT[start:end] for name, (start, end) in zip(pieces, after.offset_mapping) if name == piece]
    assert breaks == ["\n", "\n", "\n"]
    others = [(i, place) for i, name, place in zip(after.input_ids, pieces, after.offset_mapping) if name != piece]
    assert others == list(zip(before.input_ids, before.offset_mapping))


def test_a_text_without_line_breaks_is_read_as_before(folder: Path) -> None:
    text = "See you at 6 PM, Zoltán <zoltan@posta.hu>"
    before = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    mark_line_breaks(folder)
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids == before


def test_the_vocabulary_does_not_grow(folder: Path) -> None:
    size = len(AutoTokenizer.from_pretrained(folder))
    mark_line_breaks(folder)
    assert len(AutoTokenizer.from_pretrained(folder)) == size


def test_a_second_time_changes_nothing(folder: Path) -> None:
    mark_line_breaks(folder)
    once = (folder / "tokenizer.json").read_bytes()
    assert mark_line_breaks(folder) is None
    assert (folder / "tokenizer.json").read_bytes() == once


def test_where_a_base_came_from_is_forgotten_where_it_changes(folder: Path) -> None:
    for there in (False, True):
        (folder / FILE).write_text("{}")
        mark_line_breaks(folder)
        assert (folder / FILE).exists() is there


def test_a_tokenizer_that_keeps_line_breaks_is_left_alone(data: Path, tmp_path: Path) -> None:
    path = shutil.copy(data / "tokenizers" / "SmolLM2-2000" / "tokenizer.json", tmp_path)
    before = Path(path).read_bytes()
    assert mark_line_breaks(tmp_path) is None
    assert Path(path).read_bytes() == before


def test_a_folder_without_a_fast_tokenizer_is_left_alone(tmp_path: Path) -> None:
    assert mark_line_breaks(tmp_path) is None


def test_a_vocabulary_without_the_piece_is_left_alone_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folder / "tokenizer.json"
    settings = json.loads(path.read_text(encoding="utf8"))
    del settings["model"]["vocab"][UNUSED]
    path.write_text(json.dumps(settings), encoding="utf8")
    assert mark_line_breaks(folder) is None
    assert "drops line breaks" in caplog.text
