from pathlib import Path

import pytest
import srsly
from weasel.util import load_project_config, split_command

from spacy_slm_ner.cli._app import comma_list
from spacy_slm_ner.errors import LabelError
from spacy_slm_ner.scaffold.names import as_variable, as_yaml, require_names

NAMES = [
    pytest.param((), id="none"),
    pytest.param(("PERSON", "JOB TITLE"), id="space"),
    pytest.param(("a, b", "c"), id="comma"),
    pytest.param(("日付", "رقم", "🙂"), id="scripts"),
    pytest.param(("[x]", "{y}", "${vars.lang}", "$z"), id="marks"),
    pytest.param(("O'Neil", '6" disk', "back\\slash"), id="quotes"),
    pytest.param(("person/actor", "C&A; *", "<b>", "#1", "a: b", "-x", "true", "12"), id="signs"),
]


@pytest.mark.parametrize("names", NAMES)
def test_a_command_gets_the_names(names: tuple[str, ...], tmp_path: Path) -> None:
    command = """{name: one, script: ["python x --labels '${vars.names}'"]}"""
    (tmp_path / "project.yml").write_text(f"vars: {{names: {as_variable(names)}}}\ncommands: [{command}]\n", encoding="utf8")
    (line,) = load_project_config(tmp_path)["commands"][0]["script"]
    assert comma_list(split_command(line)[-1]) == list(names)


def test_a_variable_is_a_list_only_where_it_must_be() -> None:
    assert as_variable(["PERSON", "JOB TITLE"]) == '"PERSON,JOB TITLE"'
    assert as_variable(["a, b", "c"]) == '["a, b", "c"]'


@pytest.mark.parametrize(
    "text", ["", "a: b # c", '"quoted"', "back\\slash", "日付 🙂", "a\u00a0b\u200bc\ufeff", "\U000e0001", "null"]
)
def test_yaml_gives_the_text_back(text: str) -> None:
    assert srsly.yaml_loads(f"key: {as_yaml(text)}") == {"key": text}
    assert srsly.yaml_loads(f"{as_yaml(text)}: value") == {text: "value"}


@pytest.mark.parametrize("names", NAMES)
def test_names_are_text_on_one_line(names: tuple[str, ...]) -> None:
    require_names(names, "labels")


@pytest.mark.parametrize("name", ["", " A", "A\n", "A\nB", "A\x00", "O", "o"], ids=repr)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(LabelError, match=r"Got .* among the labels\. Allowed is text on one line"):
        require_names(["PERSON", name], "labels")


@pytest.mark.parametrize("second", ["PERSON", "Person"])
def test_names_that_cannot_be_told_apart_are_refused(second: str) -> None:
    with pytest.raises(LabelError, match=rf"Got '{second}' among the labels, which is there twice, or differs"):
        require_names(["PERSON", second], "labels")
