"""The project as a user runs it, on a few records and a tiny encoder, in a folder of its own."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from tiny_llama import make_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

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
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=words.get_vocab_size(), **size)).save_pretrained(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "project.yml", folder)
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "assets", folder / "assets")
    # A model that has learned nothing finds no entity line by line, and then there is nothing to calibrate.
    config = folder / "configs" / "slm.cfg"
    config.write_text(config.read_text(encoding="utf8").replace("TokenLines", "BioLines"), encoding="utf8")
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


def run(project: Path, workflow: str) -> str:
    overrides = ["--vars.trf_base", "tiny", "--vars.trf_steps", "2", "--vars.tok2vec_steps", "2"]
    overrides += ["--vars.slm_base", "tiny-llama", "--vars.slm_steps", "2"]
    overrides += ["--vars.nano_pieces", "300", "--vars.nano_hidden", "16", "--vars.nano_layers", "2"]
    overrides += ["--vars.nano_steps", "2", "--vars.nano_decide_steps", "2"]
    overrides += ["--vars.conll_steps", "2", "--vars.trf_width", "16", "--vars.slm_width", "16"]
    overrides += [part for name in ("train", "dev", "test") for part in (f"--vars.conll_{name}", "conll.txt")]
    command = [sys.executable, "-m", "spacy", "project", "run", workflow, str(project), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def first_run(project: Path) -> str:
    return run(project, "all")


def test_workflow_makes_figures_report_and_wheel(project: Path, first_run: str) -> None:
    for name in ("trf", "slm", "tok2vec"):
        metrics = json.loads((project / "metrics" / f"{name}.json").read_text(encoding="utf8"))
        assert metrics["docs"] == 16
        assert metrics["intents"] is not None
    page = (project / "report" / "index.html").read_text(encoding="utf8")
    assert all(name in page for name in ("transformer", "slm_ner", "tok2vec"))
    assert "Test records" in first_run


def test_second_run_skips_every_command(project: Path, first_run: str) -> None:
    output = run(project, "all")
    assert output.count("nothing changed") == 14
    assert "Running command" not in output


def test_conll_data_compares_token_classifiers(project: Path, first_run: str) -> None:
    output = run(project, "conll")
    assert "CoNLL data, test part" in output
    for name in ("trf", "encoder", "decoder"):
        metrics = json.loads((project / "metrics" / f"conll-{name}.json").read_text(encoding="utf8"))
        assert metrics["docs"] == 2 and set(metrics["entities"]["per_label"]) == {"PER", "LOC"}
    assert "LoRA decoder, bio_ner" in (project / "report" / "conll.html").read_text(encoding="utf8")


def test_the_small_base_has_a_recipe(project: Path, first_run: str) -> None:
    run(project, "nano")
    base = project / "assets" / "models" / "nano"
    model = AutoModelForCausalLM.from_pretrained(base, torch_dtype="auto")
    assert model.dtype == torch.bfloat16 and model.config.hidden_size == 16
    assert (base / "README.md").read_bytes() == (ROOT / "assets" / "models" / "nano" / "README.md").read_bytes()
    assert AutoTokenizer.from_pretrained(base).chat_template


@pytest.mark.parametrize(
    ("package", "trained"), [("en_scheduling", "trf/model-best"), ("en_scheduling_slm", "slm/calibrated")], ids=["trf", "slm"]
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
