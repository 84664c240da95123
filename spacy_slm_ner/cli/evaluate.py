import importlib.metadata
import platform
from pathlib import Path
from typing import Annotated, Any, Optional, Sequence

import srsly
import typer
from rich.table import Table
from rich.text import Text

from ..errors import ReadError
from ..evaluation.evaluate import evaluate_docs
from ..evaluation.protocols import PROTOCOLS, SPAN, check_protocols
from ._app import app, clear_errors, comma_list, console, decode_argument
from ._load import load_docbin, load_pipeline, parse_overrides

# Rows of the table of protocols: names in the metrics, name in the table.
ROWS = (
    (SPAN, "strict", "span, strict"),
    ("uniner", "published", "UniNER, as published"),
    ("uniner", "repaired", "UniNER, repaired"),
    ("gollie", "filtered", "GoLLIE"),
)
RATES = {
    "hallucination": "hallucination rate",
    "copied": "rate of entities copied from examples",
    "conflict": "conflict rate",
    "unparsable": "unparsable rate",
    "unusable": "share of texts with unusable parts",
    "queries_per_text": "queries per text",
    "cost": "cost in US dollars",
}


@app.command("evaluate", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def evaluate_cli(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Folder or package name of a pipeline, or a config, to score it untrained.")],
    data: Annotated[Path, typer.Argument(help="DocBin with gold annotation (.spacy).")],
    output: Annotated[Optional[Path], typer.Option("--output", "-o", help="JSON file for all figures and texts.")] = None,
    name: Annotated[Optional[str], typer.Option(help="Name in tables and report; the model's if not given.")] = None,
    gold_preproc: Annotated[bool, typer.Option(help="Use the gold tokens instead of the pipeline's tokenizer.")] = False,
    labels: Annotated[str, typer.Option(help="Entity labels to score, comma separated; all if not given.")] = "",
    protocol: Annotated[str, typer.Option(help=f"How to score, comma separated: {', '.join(PROTOCOLS)}.")] = SPAN,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, -1 for the CPU.")] = -1,
) -> None:
    """Score a pipeline: strict, partial and type-only F1, intents, speed. spaCy's and seqeval's strict scores must agree.

    Other options change its config, as `spacy train` has them: --components.slm_ner.draft false.
    """
    with clear_errors():
        overrides = parse_overrides(context.args)
        protocols = comma_list(protocol)
        metrics = evaluate(model, data, output, name, gold_preproc, comma_list(labels), gpu_id, overrides, protocols)
    print_metrics(metrics)


def evaluate(
    model: str,
    data: Path,
    output: Optional[Path] = None,
    name: Optional[str] = None,
    gold_preproc: bool = False,
    labels: Sequence[str] = (),
    gpu_id: int = -1,
    overrides: Optional[dict[str, Any]] = None,
    protocols: Sequence[str] = (SPAN,),
) -> dict[str, Any]:
    """Score a pipeline on a DocBin.

    model (str): Folder or package name of a pipeline, or path of a config.
    overrides (Optional[dict[str, Any]]): Values of its config by their dotted names.
    protocols (Sequence[str]): Names of the protocols to score by.
    RETURNS (dict[str, Any]): Figures and texts, as `Evaluation.to_dict` gives them, with the names of model, data and machine.
    RAISES (EvaluationError): If the scorers disagree, gold annotation is missing or a protocol is unknown.
    RAISES (ReadError): If model or data cannot be read.
    """
    check_protocols(protocols)
    nlp = load_pipeline(model, gpu_id, overrides)
    gold = list(load_docbin(data).get_docs(nlp.vocab))
    if not gold:
        raise ReadError(f"{data} holds no docs, so there is nothing to score. Name a DocBin that `convert` wrote.")
    metrics = {
        "name": decode_argument(name) if name else f"{nlp.lang}_{nlp.meta['name']}",
        "model": decode_argument(model),
        "data": decode_argument(str(data)),
        "megabytes": folder_size(nlp.path) / 1e6,
        "machine": f"{platform.machine()}, spaCy {importlib.metadata.version('spacy')}, Python {platform.python_version()}",
        **evaluate_docs(nlp, gold, gold_preproc, labels, protocols=protocols).to_dict(),
    }
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(output, metrics)
    return metrics


def folder_size(folder: Optional[Path]) -> int:
    """Count the bytes of all files in a folder; 0 for a pipeline without a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if folder else 0


def print_metrics(metrics: dict[str, Any]) -> None:
    """Print the main figures."""
    title = f"{metrics['name']} on {metrics['data']}: {metrics['docs']} texts"
    if SPAN in metrics["protocols"]:
        print_entities(metrics["entities"], title)
    if metrics["protocols"].keys() != {SPAN}:
        print_protocols(metrics["protocols"], title)
        print_rates(metrics["rates"])
    if metrics["intents"]:
        console.print(f"intent accuracy {metrics['intents']['accuracy']:.3f}, macro F1 {metrics['intents']['macro_f1']:.3f}")
    if metrics["calibration"]:
        console.print(f"expected calibration error {metrics['calibration']['expected_calibration_error']:.3f}")
    if metrics["unusable"]:
        console.print(f"{len(metrics['unusable'])} parts of texts or answers could not be used; the metrics file lists them")
    size = f", {metrics['megabytes']:.1f} MB" if metrics["megabytes"] else ""
    console.print(f"{metrics['words_per_second']:,.0f} words per second{size}")


def print_entities(entities: dict[str, Any], title: str) -> None:
    """Print the scores of each label and of each way to count."""
    low, high = entities["strict_f1_interval_95"]
    table = Table("", "precision", "recall", "F1", "gold", title=Text(title))
    for label, row in entities["per_label"].items():
        table.add_row(Text(label), *figures(row))
    table.add_section()
    for mode in ("strict", "partial", "type_only"):
        table.add_row(f"all, {mode.replace('_', ' ')}", *figures(entities[mode]))
    console.print(table)
    console.print(f"strict F1 {entities['strict']['f1']:.3f}, 95 % interval {low:.3f} to {high:.3f} (bootstrap over texts)")


def print_protocols(protocols: dict[str, Any], title: str) -> None:
    """Print the scores by each protocol."""
    table = Table("protocol", "precision", "recall", "F1", "gold", title=Text(title))
    for name, variant, shown in ROWS:
        if name in protocols:
            table.add_row(shown, *figures(protocols[name][variant]))
    console.print(table)


def print_rates(rates: dict[str, Optional[float]]) -> None:
    """Print the rates that are known."""
    for key, shown in RATES.items():
        if rates[key] is not None:
            console.print(f"{shown} {rates[key]:.3f}")


def figures(row: dict[str, float]) -> list[str]:
    """Format precision, recall, F1 and the number of gold entities."""
    return [*(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), str(row["gold"])]
