from pathlib import Path
from typing import Annotated, Any, Sequence

import srsly
import typer
from rich.table import Table
from rich.text import Text

from ..errors import ReadError
from ..evaluation.report import render_report
from ._app import app, clear_errors, console, decode_argument


@app.command("report")
def report_cli(
    metrics: Annotated[list[Path], typer.Argument(help="Metrics files that `evaluate` wrote; the first is shown first.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file.")] = Path("report/index.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Evaluation report",
) -> None:
    """Write one self-contained HTML page: figures side by side, confusion, and every error in its text."""
    with clear_errors():
        loaded = report(metrics, output, title)
    console.print(comparison(loaded, title))
    console.print(f"{len(metrics)} pipelines -> {output}", soft_wrap=True, markup=False)


def report(metrics: Sequence[Path], output: Path, title: str = "Evaluation report") -> list[dict[str, Any]]:
    """Write the report.

    RETURNS (list[dict[str, Any]]): The metrics that it shows.
    RAISES (ReadError): If a file cannot be read, or `evaluate` did not write it.
    """
    try:
        loaded = [srsly.read_json(path) for path in metrics]
    except (OSError, ValueError) as error:
        raise ReadError(f"Cannot read the metrics: {error}. Name JSON files that `evaluate` wrote.") from None
    for path, found in zip(metrics, loaded):
        if (
            not isinstance(found, dict)
            or not {"name", "entities", "intents", "calibration", "megabytes", "texts"} <= found.keys()
        ):
            raise ReadError(f"{path} holds JSON that `evaluate` did not write. Name its output.")
    page = render_report(loaded, decode_argument(title))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf8")
    return loaded


def comparison(metrics: Sequence[dict[str, Any]], title: str) -> Table:
    """Make a table of the main figures of all pipelines."""
    table = Table("pipeline", "strict F1", "95 % interval", "intent accuracy", "ECE", "words/s", "MB", title=Text(title))
    for found in metrics:
        low, high = found["entities"]["strict_f1_interval_95"]
        intents = f"{found['intents']['accuracy']:.3f}" if found["intents"] else "-"
        error = f"{found['calibration']['expected_calibration_error']:.3f}" if found["calibration"] else "-"
        f1, speed, size = found["entities"]["strict"]["f1"], found["words_per_second"], found["megabytes"]
        row = (f"{f1:.3f}", f"{low:.3f} to {high:.3f}", intents, error, f"{speed:,.0f}", f"{size:,.1f}" if size else "-")
        table.add_row(Text(found["name"]), *row)
    return table
