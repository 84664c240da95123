"""A tokenizer is what its file says, whichever version of transformers reads or has written it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.line_breaks import mark_line_breaks
from spacy_slm_ner.models.pretrained.tokenizer_files import load_tokenizer, save_tokenizer

TEXTS = ["See you at 6 PM,\n\nZoltán <zoltan@posta.hu>", "naïve 五月 😀", "[SEP] <|im_end|>"]
KINDS = ["bert-cased-2000", "SmolLM2-2000"]


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, data: Path, tmp_path: Path) -> Path:
    """A real tokenizer, as the hub has it."""
    shutil.copytree(data / "tokenizers" / request.param, tmp_path / "base")
    for file in (tmp_path / "base").iterdir():
        file.chmod(0o644)
    return tmp_path / "base"


def pieces(tokenizer: PreTrainedTokenizerFast) -> list[Any]:
    return [tokenizer(text).input_ids for text in TEXTS]


def names(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    kinds = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    return {name: getattr(tokenizer, name) for name in kinds}


def change(folder: Path, **settings: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def test_it_is_the_one_of_transformers(folder: Path) -> None:
    found, expected = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    assert pieces(found) == pieces(expected)
    assert names(found) == names(expected)


def test_what_is_saved_comes_back(folder: Path, tmp_path: Path) -> None:
    before = load_tokenizer(folder)
    before.padding_side = "left"
    before("a b c", max_length=2, truncation=True, padding="max_length")
    save_tokenizer(before, tmp_path / "saved")
    for found in (load_tokenizer(tmp_path / "saved"), AutoTokenizer.from_pretrained(tmp_path / "saved")):
        assert pieces(found) == pieces(load_tokenizer(folder))
        assert names(found) == names(before)
        assert found.chat_template == before.chat_template
        assert found.model_max_length == before.model_max_length
        assert found.model_input_names == before.model_input_names


def test_the_same_tokenizer_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    written = []
    for target in (tmp_path / "one", tmp_path / "other"):
        tokenizer = load_tokenizer(folder)
        save_tokenizer(tokenizer, target)
        written.append({file.name: file.read_bytes() for file in target.iterdir()})
        folder = target
    assert written[0] == written[1]


@pytest.mark.parametrize("class_name", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_what_transformers_4_or_5_has_written_is_read(class_name: str, folder: Path, tmp_path: Path) -> None:
    before = load_tokenizer(folder)
    save_tokenizer(before, tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text())
    template = config.pop("chat_template", None)
    if template:
        (tmp_path / "saved" / "chat_template.jinja").write_text(template)
    config |= {"tokenizer_class": class_name, "backend": "tokenizers", "extra_special_tokens": ["<|extra|>"]}
    if before.pad_token:
        config["pad_token"] = {"content": before.pad_token, "lstrip": False, "normalized": False, "__type": "AddedToken"}
    (tmp_path / "saved" / "tokenizer_config.json").write_text(json.dumps(config))
    found = load_tokenizer(tmp_path / "saved")
    assert pieces(found) == pieces(before)
    assert names(found) == names(before)
    assert found.chat_template == before.chat_template


def test_a_step_of_the_file_is_not_lost_where_a_class_makes_its_own(data: Path, tmp_path: Path) -> None:
    """As a pipeline has it that was stored by transformers 4: the file has a step that the class does not know."""
    shutil.copytree(data / "tokenizers" / "bert-cased-2000", tmp_path / "base")
    path = tmp_path / "base" / "tokenizer.json"
    path.chmod(0o644)
    own = Tokenizer.from_file(str(path))
    own.normalizer = normalizers.Sequence([normalizers.Replace("PM", "AM"), own.normalizer])
    own.save(str(path))
    found = load_tokenizer(tmp_path / "base")
    assert found("6 PM").input_ids == found("6 AM").input_ids
    assert names(found) == names(AutoTokenizer.from_pretrained(tmp_path / "base"))


def test_a_setting_of_the_config_counts(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "tokenizers" / "bert-cased-2000", tmp_path / "base")
    (tmp_path / "base" / "tokenizer_config.json").unlink(missing_ok=True)
    (tmp_path / "base" / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    found = load_tokenizer(tmp_path / "base")
    assert pieces(found) == pieces(AutoTokenizer.from_pretrained(tmp_path / "base"))
    assert found("May").input_ids == found("may").input_ids


def test_line_breaks_stay_a_piece_whoever_reads_the_folder(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "tokenizers" / "bert-cased-2000", tmp_path / "base")
    for file in (tmp_path / "base").iterdir():
        file.chmod(0o644)
    piece = mark_line_breaks(tmp_path / "base")
    for found in (load_tokenizer(tmp_path / "base"), AutoTokenizer.from_pretrained(tmp_path / "base")):
        assert piece in found.tokenize("a\nb")
        assert found.unk_token == "[UNK]" and found.pad_token == "[PAD]"
        assert "token_type_ids" in found.model_input_names


def test_a_base_without_a_fast_tokenizer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BaseModelError, match=r"has no tokenizer\. It needs a tokenizer\.json"):
        load_tokenizer(tmp_path)
