import json
from pathlib import Path
from typing import Callable

import pytest
import spacy
import torch
from click.testing import Result
from rich.console import Console
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_slm_ner.cli import evaluate as evaluate_module
from spacy_slm_ner.cli.evaluate import print_rates
from spacy_slm_ner.evaluation.rates import Rates

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved pipeline that knows two words."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "NAME", "pattern": "Ada"}, {"label": "TIME", "pattern": "4"}])
    folder = tmp_path_factory.mktemp("pipelines") / "ruler"
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def write_docs(nlp: Language, tmp_path: Path) -> Callable[..., Path]:
    """Writes a DocBin of texts, each given as its words and their tags ("" for no annotation)."""

    def write(*texts: tuple[str, str]) -> Path:
        docs = [Doc(nlp.vocab, words=words.split(), ents=tags.split() or None) for words, tags in texts]
        DocBin(docs=docs).to_disk(tmp_path / "gold.spacy")
        return tmp_path / "gold.spacy"

    return write


ADA = ("Ada comes", "B-NAME O")
BOB = ("Bob comes today", "B-NAME O B-DATE")
HALF_PAST_FOUR = ("at 4pm", "O B-TIME")


def test_figures_are_written_as_json_and_printed(run: Run, model: Path, write_docs: Callable, tmp_path: Path) -> None:
    data, target = write_docs(ADA, BOB), tmp_path / "new" / "ruler.json"
    result = run("evaluate", model, data, "--output", target, "--name", "ruler")
    assert (result.exit_code, result.stderr) == (0, "")
    metrics = json.loads(target.read_text(encoding="utf8"))
    assert (metrics["name"], metrics["model"], metrics["data"]) == ("ruler", str(model), str(data))
    assert f"spaCy {spacy.__version__}" in metrics["machine"]
    assert metrics["entities"]["strict"] == pytest.approx({"precision": 1, "recall": 1 / 3, "f1": 0.5, "gold": 3, "predicted": 1})
    assert [text["text"] for text in metrics["texts"]] == ["Ada comes ", "Bob comes today "]
    assert "ruler on" in result.stdout
    assert "strict F1 0.500, 95 % interval 0.000 to 1.000 (bootstrap over texts)" in result.stdout


def test_table_has_a_row_for_each_label_and_each_way_to_count(run: Run, model: Path, write_docs: Callable) -> None:
    assert rows_of(run("evaluate", model, write_docs(ADA, BOB)).stdout) == [
        ["DATE", "0.000", "0.000", "0.000", "1"],
        ["NAME", "1.000", "0.500", "0.667", "2"],
        ["all, strict", "1.000", "0.333", "0.500", "3"],
        ["all, partial", "1.000", "0.333", "0.500", "3"],
        ["all, type only", "1.000", "0.333", "0.500", "3"],
    ]


def test_name_is_that_of_the_model_if_not_given(run: Run, model: Path, write_docs: Callable) -> None:
    assert "en_pipeline on " in run("evaluate", model, write_docs(ADA)).stdout


def test_labels_limit_what_is_scored(run: Run, model: Path, write_docs: Callable, tmp_path: Path) -> None:
    target = tmp_path / "metrics.json"
    assert run("evaluate", model, write_docs(ADA, BOB), "-o", target, "--labels", "DATE, TIME").exit_code == 0
    entities = json.loads(target.read_text(encoding="utf8"))["entities"]
    assert (entities["strict"]["gold"], list(entities["per_label"])) == (1, ["DATE"])


def rows_of(printed: str) -> list[list[str]]:
    """Cells of all rows of the printed tables, without headers."""
    return [[cell.strip() for cell in line.strip("│ ").split("│")] for line in printed.splitlines() if line.startswith("│")]


def test_protocols_are_written_and_printed_side_by_side(run: Run, model: Path, write_docs: Callable, tmp_path: Path) -> None:
    data, target = write_docs(ADA, BOB, ("Ada saw Ada", "B-NAME O B-NAME")), tmp_path / "metrics.json"
    result = run("evaluate", model, data, "-o", target, "--protocol", "span, uniner,gollie")
    assert (result.exit_code, result.stderr) == (0, "")
    protocols = json.loads(target.read_text(encoding="utf8"))["protocols"]
    assert {name: list(figures) for name, figures in protocols.items()} == {
        "span": ["strict"],
        "uniner": ["published", "repaired"],
        "gollie": ["filtered"],
    }
    assert rows_of(result.stdout)[-4:] == [
        ["span, strict", "1.000", "0.600", "0.750", "5"],
        ["UniNER, as published", "1.000", "0.500", "0.667", "4"],
        ["UniNER, repaired", "1.000", "0.500", "0.667", "4"],
        ["GoLLIE", "1.000", "0.600", "0.750", "5"],
    ]
    assert "strict F1 0.750" in result.stdout


def test_spans_are_not_printed_unless_asked_for_and_the_report_still_has_them(
    run: Run, model: Path, write_docs: Callable, tmp_path: Path
) -> None:
    target = tmp_path / "metrics.json"
    result = run("evaluate", model, write_docs(ADA, BOB), "-o", target, "--protocol", "gollie", "--name", "ruler")
    assert rows_of(result.stdout) == [["GoLLIE", "1.000", "0.333", "0.500", "3"]]
    assert "ruler on" in result.stdout and "strict F1" not in result.stdout
    assert json.loads(target.read_text(encoding="utf8"))["entities"]["strict"]["f1"] == pytest.approx(0.5)
    assert run("report", target, "-o", tmp_path / "report.html").exit_code == 0


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        pytest.param("span,unier", "EvaluationError: Got the protocol 'unier', allowed are span, uniner, gollie.", id="unknown"),
        pytest.param("GoLLIE", "EvaluationError: Got the protocol 'GoLLIE', allowed are", id="wrong-case"),
        pytest.param(" , ", "EvaluationError: Got no protocol, allowed are", id="none"),
    ],
)
def test_a_wrong_protocol_is_refused_before_anything_is_loaded(
    fails: Callable, tmp_path: Path, protocol: str, message: str
) -> None:
    assert message in fails("evaluate", tmp_path / "no-model", tmp_path / "no-data.spacy", "--protocol", protocol)


def test_rates_that_are_known_are_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_module, "console", Console(highlight=False))
    rates = dict.fromkeys(Rates._fields) | {"hallucination": 0.125, "unparsable": 0.0, "queries_per_text": 2.5}
    print_rates(rates)
    assert capsys.readouterr().out == "hallucination rate 0.125\nunparsable rate 0.000\nqueries per text 2.500\n"


def test_gold_tokens_are_used_on_demand(run: Run, fails: Callable, model: Path, write_docs: Callable) -> None:
    data = write_docs(HALF_PAST_FOUR)
    assert "EvaluationError: Two scorers disagree on TIME" in fails("evaluate", model, data)
    assert run("evaluate", model, data, "--gold-preproc").exit_code == 0


def write_config(folder: Path, data: Path, pattern: str) -> Path:
    """Write the config of a pipeline that gets its one pattern when it is initialised."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler")
    nlp.config["initialize"]["components"]["entity_ruler"] = {"patterns": [{"label": "NAME", "pattern": pattern}]}
    nlp.config["paths"].update(train=str(data), dev=str(data))
    nlp.config.to_disk(folder / "ruler.cfg")
    return folder / "ruler.cfg"


def test_a_config_is_scored_untrained(run: Run, write_docs: Callable, tmp_path: Path) -> None:
    data, target = write_docs(ADA, BOB), tmp_path / "metrics.json"
    config = write_config(tmp_path, data, "Ada")
    result = run("evaluate", config, data, "-o", target, "--name", "untrained")
    assert result.exit_code == 0, result.stderr
    metrics = json.loads(target.read_text(encoding="utf8"))
    assert (metrics["model"], metrics["megabytes"]) == (str(config), 0.0)
    assert metrics["entities"]["strict"]["f1"] == pytest.approx(0.5)
    assert "words per second\n" in result.stdout
    assert run("report", target, "-o", tmp_path / "report.html").exit_code == 0


def test_values_of_a_config_can_be_changed(run: Run, model: Path, write_docs: Callable, tmp_path: Path) -> None:
    data = write_docs(ADA, BOB)
    config = write_config(tmp_path, data, "ada")
    assert "strict F1 0.000" in run("evaluate", config, data).stdout
    patterns = ["--initialize.components.entity_ruler.patterns", '[{"label": "NAME", "pattern": "Bob"}]']
    assert "strict F1 0.500" in run("evaluate", config, data, *patterns).stdout
    assert "strict F1 0.500" in run("evaluate", model, data, "--nlp.batch_size", "1").stdout


WITHOUT_TRAINING = """
[nlp]
lang = "en"
pipeline = ["slm_ner"]
[components]
[components.slm_ner]
factory = "slm_ner"
labels = {labels}
[components.slm_ner.model]
@architectures = "spacy-slm-ner.CausalLM.v1"
base = "{base}"
"""


def test_a_config_that_names_its_labels_needs_no_corpus(
    run: Run, fails: Callable, write_docs: Callable, tmp_path: Path, tiny_base: Path
) -> None:
    data, config = write_docs(ADA), tmp_path / "zero_shot.cfg"
    config.write_text(WITHOUT_TRAINING.format(labels='["NAME", "JOB TITLE"]', base=tiny_base))
    assert "strict F1" in run("evaluate", config, data).stdout
    config.write_text(WITHOUT_TRAINING.format(labels="[]", base=tiny_base))
    assert "has no labels" in fails("evaluate", config, data)


@pytest.mark.parametrize("model_is_a_config", [True, False])
def test_an_option_that_neither_command_nor_config_has_is_refused(
    fails: Callable, model: Path, write_docs: Callable, tmp_path: Path, model_is_a_config: bool
) -> None:
    data = write_docs(ADA)
    named = write_config(tmp_path, data, "Ada") if model_is_a_config else model
    assert "ReadError: No such option '--lable'. Allowed" in fails("evaluate", named, data, "--lable", "NAME")
    assert "entity_rulr" in fails("evaluate", named, data, "--components.entity_rulr.phrase_matcher_attr", "LOWER")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "Could not read config file", id="missing"),
        pytest.param("[nlp", "", id="cut off"),
        pytest.param('[nlp]\nlang = "en"\npipeline = []\n', "has no [training]", id="part-of-a-config"),
    ],
)
def test_a_config_that_cannot_be_initialised(
    fails: Callable, write_docs: Callable, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "bad.cfg").write_text(text)
    said = fails("evaluate", tmp_path / "bad.cfg", write_docs(ADA))
    assert f"ReadError: Cannot load the pipeline '{tmp_path}/bad.cfg': " in said and message in said


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(None, "Can't find model", id="no-such-pipeline"),
        pytest.param("", "Could not read meta.json", id="folder-without-a-pipeline"),
        pytest.param(
            "[nlp",
            "ReadError: Cannot load the pipeline",
            id="config-that-cannot-be-read",
        ),
        pytest.param(
            '[nlp]\nlang = "qq"\npipeline = []\n',
            "ReadError: Cannot load the pipeline",
            id="unknown-language",
        ),
    ],
)
def test_pipeline_that_cannot_be_loaded(
    fails: Callable, write_docs: Callable, tmp_path: Path, config: str | None, message: str
) -> None:
    model = tmp_path / "model"
    if config is not None:
        model.mkdir()
        (model / "config.cfg").write_text(config)
    if config:
        (model / "meta.json").write_text('{"lang": "en", "name": "pipeline", "version": "0.0.0"}')
    said = fails("evaluate", model, write_docs(ADA))
    assert f"Error: ReadError: Cannot load the pipeline '{model}': " in said
    assert message in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named(fails: Callable, model: Path, write_docs: Callable[..., Path], tmp_path: Path) -> None:
    gold = write_docs(ADA)
    for command in (["evaluate", model, gold], ["calibrate", model, gold, tmp_path / "calibrated"]):
        said = fails(*command, "--gpu-id", 0)
        assert "ReadError: Got --gpu-id 0, but the GPU cannot be used: " in said and "--gpu-id -1, the CPU." in said


def test_missing_data_is_named(fails: Callable, model: Path, tmp_path: Path) -> None:
    said = fails("evaluate", model, tmp_path / "missing.spacy")
    assert said == (
        f"Error: ReadError: Cannot read {tmp_path}/missing.spacy: No such file or directory. "
        "Name a DocBin that `convert` wrote.\n"
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"Ada B-NAME\n"], ids=["empty", "json", "conll"])
def test_data_that_is_no_docbin_is_refused(fails: Callable, model: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gold.spacy").write_bytes(content)
    assert f"ReadError: {tmp_path}/gold.spacy is not a DocBin (" in fails("evaluate", model, tmp_path / "gold.spacy")


def test_docbin_without_docs_is_refused(fails: Callable, model: Path, write_docs: Callable) -> None:
    assert "gold.spacy holds no docs, so there is nothing to score." in fails("evaluate", model, write_docs())


def test_docbin_without_annotation_is_refused(fails: Callable, model: Path, write_docs: Callable, tmp_path: Path) -> None:
    said = fails("evaluate", model, write_docs(ADA, ("Ada is not labelled", "")), "-o", tmp_path / "metrics.json")
    assert "EvaluationError: 1 of 2 gold texts carry no entity annotation, the first is 'Ada is not labelled" in said
    assert not (tmp_path / "metrics.json").exists()
