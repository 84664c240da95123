import json
import sys
from pathlib import Path
from typing import Callable, Sequence

import pytest
import spacy
from click.testing import Result
from spacy.util import load_config, load_model_from_config
from weasel.util import load_project_config, split_command

from spacy_slm_ner.cli._app import comma_list
from spacy_slm_ner.cli.init import init
from spacy_slm_ner.errors import LabelError, ReadError
from spacy_slm_ner.synthesis.spec import read_spec

Run = Callable[..., Result]
FILES = [
    "project.yml",
    "configs/tok2vec.cfg",
    "configs/trf.cfg",
    "configs/lora.cfg",
    "configs/slm.cfg",
    "generate.yml",
    "GUIDELINES.md",
    "README.md",
    ".gitignore",
    "assets/train.json",
    "assets/dev.json",
    "assets/test.json",
]
PROJECTS = [
    pytest.param(["PERSON", "JOB"], ["hire", "fire"], "de", id="german"),
    pytest.param(["JOB TITLE"], [], "en", id="no-intents"),
    pytest.param(["a, b", "O'Neil", '6" disk', "${x}", "back\\slash"], ["ask, now", "it's"], "en", id="quotes"),
    pytest.param(["日付", "時間"], ["予約", "取消"], "zh", id="chinese"),
    pytest.param(["رقم", "C&A; *", "<b>", "#1", "a: b", "12"], ["true", "null"], "xx", id="signs"),
]


def option(names: Sequence[str]) -> str:
    return json.dumps(names, ensure_ascii=False) if names else ""


def test_a_new_folder_gets_all_files(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "my project"
    result = run("init", folder, "--labels", "PERSON,JOB", "--intents", "hire,fire", "--lang", "de")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(FILES)
    first, *steps = result.stdout.splitlines()
    assert first == f"{folder}: {', '.join(FILES)}"
    assert len(steps) == 3 and f'python -m spacy project run all "{folder}"' in steps[0]


@pytest.mark.parametrize(("labels", "intents", "lang"), PROJECTS)
def test_the_spec_is_accepted(labels: list[str], intents: list[str], lang: str, run: Run, tmp_path: Path) -> None:
    arguments = ["--labels", option(labels), "--intents", option(intents), "--lang", lang]
    assert run("init", tmp_path / "new", *arguments).exit_code == 0
    spec = read_spec(tmp_path / "new" / "generate.yml")
    assert (list(spec.labels), list(spec.intents)) == (labels, intents)
    result = run("generate", tmp_path / "new" / "generate.yml", tmp_path / "out.jsonl", "--dry-run")
    assert result.exit_code == 0 and "400 records from" in result.stdout


@pytest.mark.parametrize(("labels", "intents", "lang"), PROJECTS)
def test_the_commands_get_the_names(labels: list[str], intents: list[str], lang: str, tmp_path: Path) -> None:
    init(tmp_path, labels, intents, lang)
    config = load_project_config(tmp_path)
    lines = {command["name"]: split_command(command["script"][0]) for command in config["commands"]}
    for name in ("check", "convert"):
        given = {line: lines[name][i + 1] for i, line in enumerate(lines[name]) if line.startswith("--")}
        assert (comma_list(given["--labels"]), comma_list(given["--intents"]), given["--lang"]) == (labels, intents, lang)


@pytest.mark.parametrize(("labels", "intents", "lang"), PROJECTS)
def test_check_and_convert_take_the_placeholders(
    labels: list[str], intents: list[str], lang: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path, labels, intents, lang)
    monkeypatch.chdir(tmp_path)
    for command in load_project_config(tmp_path)["commands"]:
        if command["name"] in ("check", "convert"):
            _, _, _, *arguments = split_command(command["script"][0])
            result = run(*arguments)
            assert result.exit_code == 0, result.output
    assert "Fault" not in result.output
    assert (tmp_path / "corpus" / "train.spacy").is_file()


@pytest.mark.trf
def test_the_configs_are_complete(tmp_path: Path) -> None:
    init(tmp_path, ["PERSON"])
    for path in sorted((tmp_path / "configs").glob("*.cfg")):
        config = load_config(path, overrides={"nlp.lang": "de"})
        nlp = load_model_from_config(config, auto_fill=True, validate=True)
        assert (nlp.lang, nlp.pipe_names) == ("de", config["nlp"]["pipeline"])


@pytest.mark.parametrize(
    ("lang", "tokenizer", "language"),
    [
        ("en", "spacy.Tokenizer.v1", "English"),
        ("nn", "spacy.Tokenizer.v1", "Norwegian Nynorsk"),
        ("zh", "spacy.zh.ChineseTokenizer", "Chinese"),
        ("xx", "spacy.Tokenizer.v1", "any language"),
    ],
)
def test_language_and_tokenizer(lang: str, tokenizer: str, language: str, tmp_path: Path) -> None:
    init(tmp_path, ["PERSON"], lang=lang)
    variables = load_project_config(tmp_path)["vars"]
    assert (variables["lang"], variables["tokenizer"]) == (lang, tokenizer)
    assert list(read_spec(tmp_path / "generate.yml").languages) == [language]


@pytest.mark.parametrize(
    ("lang", "tokenizer"),
    [
        ("ja", "spacy.ja.JapaneseTokenizer"),
        ("ko", "spacy.ko.KoreanTokenizer"),
        ("th", "spacy.th.ThaiTokenizer"),
        ("vi", "spacy.vi.VietnameseTokenizer"),
    ],
)
def test_tokenizers_with_a_package(lang: str, tokenizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_package(code: str) -> spacy.language.Language:
        nlp = spacy.blank("xx")
        nlp.lang = code
        nlp._config["nlp"]["tokenizer"] = spacy.util.get_lang_class(code).default_config["nlp"]["tokenizer"]
        return nlp

    monkeypatch.setattr("spacy_slm_ner.cli.init.blank_pipeline", with_package)
    init(tmp_path, ["PERSON"], lang=lang)
    assert load_project_config(tmp_path)["vars"]["tokenizer"] == tokenizer


def test_a_missing_package_is_named(fails: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sudachipy", None)
    said = fails("init", tmp_path / "new", "--labels", "PERSON", "--lang", "ja")
    assert "pip install sudachipy" in said and not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", ""], "LabelError: Got no labels"),
        (["--labels", "PERSON,O"], "LabelError: Got 'O' among the labels"),
        (["--labels", '["A\\nB"]'], r"LabelError: Got 'A\nB' among the labels"),
        (["--labels", "A,a"], "LabelError: Got 'a' among the labels, which is there twice"),
        (["--labels", "A", "--intents", "x,x"], "LabelError: Got 'x' among the intents, which is there twice"),
        (["--labels", "[a]"], "ReadError: Got '[a]', which looks like a list"),
        (["--labels", "A", "--lang", "qq"], "ReadError: Got the language 'qq', which spaCy does not know"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_wrong_names_are_refused(arguments: list[str], message: str, fails: Callable[..., str], tmp_path: Path) -> None:
    assert message in fails("init", tmp_path / "new", *arguments)
    assert not (tmp_path / "new").exists()


def test_files_are_not_replaced_without_force(run: Run, fails: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    said = fails("init", tmp_path, "--labels", "PERSON")
    assert "There is README.md in" in said and "--force" in said
    assert (tmp_path / "README.md").read_text() == "mine" and not (tmp_path / "project.yml").exists()
    assert run("init", tmp_path, "--labels", "PERSON", "--force").exit_code == 0
    assert "project run all" in (tmp_path / "README.md").read_text(encoding="utf8")


def test_labels_are_checked_before_the_command_writes(tmp_path: Path) -> None:
    with pytest.raises(LabelError):
        init(tmp_path / "new", [])
    with pytest.raises(ReadError):
        init(tmp_path / "new", ["A"], lang="english")
    assert not (tmp_path / "new").exists()
