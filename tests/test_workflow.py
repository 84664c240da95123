"""The project as a user runs it, on a few records and a tiny encoder, in a folder of its own."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import spacy
import torch
from project_here import run_project
from tiny_llama import make_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

from spacy_slm_ner.cli.init import init
from spacy_slm_ner.models.pretrained.hub import find_base

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.workflow


def make_encoder(folder: Path, texts: list[str]) -> None:
    """A BERT with random weights and a vocabulary of its own, saved as the hub has it."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    words = BertWordPieceTokenizer()
    words.train_from_iterator(texts, vocab_size=400, show_progress=False)
    words.save_model(str(folder))
    BertTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=words.get_vocab_size(), **size)).save_pretrained(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "project.yml", folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "assets", folder / "assets")
    shutil.copytree(ROOT / "projects", folder / "projects")
    texts = []
    for name in ("train", "dev", "test"):
        path = folder / "assets" / f"{name}.json"
        document = json.loads(path.read_text(encoding="utf8"))
        document["dataset"] = document["dataset"][:16]
        path.write_text(json.dumps(document), encoding="utf8")
        texts += [record["text"] for record in document["dataset"]]
    make_encoder(folder / "tiny", texts)
    sentence = {"text": "Ada Quill comes at 6", "ents": [[0, 9, "PERSON"], [19, 20, "time"]], "source": "one"}
    (folder / "sentences.jsonl").write_text(json.dumps(sentence), encoding="utf8")
    make_llama(folder / "tiny-llama", texts, hidden=16, layers=1)
    (folder / "conll.txt").write_text("Ada B-PER\nQuill I-PER\ncalled O\n\nIn O\nLondon B-LOC\n", encoding="utf8")
    return folder


BASES = {"trf_base": "tiny", "slm_base": "tiny-llama"}
STEPS = {"trf_steps": 2, "tok2vec_steps": 2, "lora_steps": 2, "slm_steps": 2}


def run(project: Path, **variables: object) -> str:
    """Run the workflow `all` of a project. RETURNS (str): What it printed."""
    overrides = [part for name, value in variables.items() for part in (f"--vars.{name}", str(value))]
    command = [sys.executable, "-m", "spacy", "project", "run", "all", str(project), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def first_run(project: Path) -> str:
    return run(project, **BASES, **STEPS)


@pytest.mark.trf
def test_workflow_makes_figures_report_and_wheel(project: Path, first_run: str) -> None:
    for name in ("trf", "lora", "slm", "untrained", "tok2vec"):
        metrics = json.loads((project / "metrics" / f"{name}.json").read_text(encoding="utf8"))
        assert metrics["docs"] == 16
        assert metrics["intents"] is not None
    page = (project / "report" / "index.html").read_text(encoding="utf8")
    assert all(name in page for name in ("transformer", "bio_ner", "slm_ner", "slm_ner, untrained", "tok2vec"))
    assert "Test records" in first_run


@pytest.mark.trf
def test_a_new_project_runs_at_once(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my project"
    init(folder, ["PERSON", "JOB TITLE"], ["hire", "fire"], "de")
    run_project(folder, "all", monkeypatch, **{name: project / base for name, base in BASES.items()}, **STEPS)
    for name in ("trf", "lora", "slm", "tok2vec"):
        metrics = json.loads((folder / "metrics" / f"{name}.json").read_text(encoding="utf8"))
        assert set(metrics["entities"]["per_label"]) >= {"PERSON", "JOB TITLE"} and metrics["intents"] is not None
    assert (folder / "report" / "index.html").is_file()
    wheels = sorted(path.name.partition("-")[0] for path in (folder / "packages").glob("*.whl"))
    assert wheels == ["de_my_project", "de_my_project_slm", "de_my_project_trf"]


@pytest.mark.parametrize(("workflow", "trained"), [("lora", "lora/model-best"), ("slm", "slm/calibrated")], ids=["lora", "slm"])
def test_one_pipeline_needs_no_extra(
    workflow: str, trained: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path / "jobs", ["PERSON", "JOB TITLE"], ["hire", "fire"], "de")
    bases = {name: project / base for name, base in BASES.items()}
    run_project(tmp_path / "jobs", workflow, monkeypatch, **bases, **STEPS)
    assert set(
        json.loads((tmp_path / "jobs" / "metrics" / f"{workflow}.json").read_text(encoding="utf8"))["entities"]["per_label"]
    )
    assert {ent.label_ for ent in spacy.load(tmp_path / "jobs" / "training" / trained)("Sample 1").ents} <= {
        "PERSON",
        "JOB TITLE",
    }
    [wheel] = (tmp_path / "jobs" / "packages").glob("*.whl")
    assert wheel.name.startswith({"lora": "de_jobs-", "slm": "de_jobs_slm-"}[workflow])


@pytest.mark.trf
def test_second_run_skips_every_command(project: Path, first_run: str) -> None:
    output = run(project, **BASES, **STEPS)
    assert output.count("nothing changed") == 18
    assert "Running command" not in output


@pytest.mark.trf
def test_conll_data_compares_token_classifiers(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "projects" / "conll"
    bases = {name: project / base for name, base in BASES.items()}
    data = dict.fromkeys(("train", "dev", "test"), project / "conll.txt")
    run_project(folder, "all", monkeypatch, **bases, **data, steps=2, trf_width=16, slm_width=16)
    assert "CoNLL data, test part" in capsys.readouterr().out
    for name in ("trf", "encoder", "decoder"):
        metrics = json.loads((folder / "metrics" / f"{name}.json").read_text(encoding="utf8"))
        assert metrics["docs"] == 2 and set(metrics["entities"]["per_label"]) == {"PER", "LOC"}
    assert "LoRA decoder, bio_ner" in (folder / "report" / "index.html").read_text(encoding="utf8")


def test_the_small_base_has_a_recipe(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = find_base("spacy-slm-ner/nano")
    shutil.copytree(shipped, project / "shipped")
    shape = {"texts": 200, "pieces": 300, "hidden": 16, "layers": 2}
    # What a model without training writes is long.
    dev = json.loads((project / "assets" / "dev.json").read_text(encoding="utf8"))["dataset"][:1]
    (project / "dev.json").write_text(json.dumps(dev), encoding="utf8")
    files = {name: project / f"{name}.{kind}" for name, kind in (("sentences", "jsonl"), ("dev", "json"))}
    files |= {"trf_base": project / "tiny", "stored": project / "shipped"}
    run_project(project / "projects" / "nano", "all", monkeypatch, **files, **shape, steps=2, decide_steps=2)
    model = AutoModelForCausalLM.from_pretrained(project / "shipped", torch_dtype="auto")
    assert model.dtype == torch.bfloat16 and model.config.hidden_size == 16
    assert (project / "shipped" / "README.md").read_bytes() == (shipped / "README.md").read_bytes()
    assert AutoTokenizer.from_pretrained(project / "shipped").chat_template


@pytest.mark.trf
@pytest.mark.parametrize(
    ("package", "trained"),
    [
        pytest.param("en_scheduling", "lora/model-best", id="lora"),
        pytest.param("en_scheduling_trf", "trf/model-best", id="trf"),
        pytest.param("en_scheduling_slm", "slm/calibrated", id="slm"),
    ],
)
def test_wheel_holds_a_pipeline_that_predicts_the_same(
    project: Path, first_run: str, tmp_path: Path, package: str, trained: str
) -> None:
    (wheel,) = (project / "packages").glob(f"{package}-0*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    texts = [record["text"] for record in json.loads((project / "assets" / "test.json").read_text(encoding="utf8"))["dataset"]]
    script = (
        "import json, sys, spacy\n"
        "nlp = spacy.load(sys.argv[1]) if '/' in sys.argv[1] else __import__(sys.argv[1]).load()\n"
        "docs = nlp.pipe(json.load(sys.stdin))\n"
        "print(json.dumps([[[e.start_char, e.end_char, e.label_] for e in d.ents] + [sorted(d.cats.items())] for d in docs]))\n"
    )

    def predict(model: str) -> str:
        command = [sys.executable, "-c", script, model]
        done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert predict(package) == predict(str(project / "training" / trained))


def test_docs_show_the_project_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "project.md"
    shutil.copy(ROOT / "docs" / "project.md", page)
    command = [sys.executable, "-m", "spacy", "project", "document", str(ROOT), "--no-emoji", "--output", str(page)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert page.read_text(encoding="utf8") == (ROOT / "docs" / "project.md").read_text(encoding="utf8"), (
        "project.yml has changed: python -m spacy project document --no-emoji --output docs/project.md"
    )
