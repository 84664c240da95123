from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Optional, Sequence, Union

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from spacy.language import Language

from ..documents.document import InputFormat, InputSettings
from ..documents.read import STDIN, read_documents
from ..endpoints.total_cost import TotalCost
from ..errors import ReadError
from ..labelling.choice import Chooser, select_texts
from ..labelling.endpoints import endpoints_of, give_caches, limit_cost, paid_answers, require_random, set_prices
from ..labelling.estimate import Estimate, estimate
from ..labelling.files import LabelFiles, Setting, find_done
from ..labelling.fingerprints import fingerprint, name_of
from ..labelling.labeller import Labeller
from ..labelling.requirements import require_entities
from ..labelling.run import End, Ending, LabelRun
from ..labelling.silver import RecordWriter
from ..labelling.texts import check_texts, explain_unusable
from ._app import app, clear_errors, console, decode_argument, stderr
from ._load import load_pipeline

ENDS: dict[End, tuple[int, str]] = {
    "done": (0, "Done."),
    "cost": (3, "The budget is reached. The same command with a larger --max-cost goes on."),
    "stalled": (
        1,
        "Of the last texts, nothing could be taken. Look at the problems; for another config or model, name another output.",
    ),
    "key": (1, "The endpoint refused the key. The same command goes on."),
    "credit": (1, "The account has no credit left. The same command goes on later."),
    "request": (1, "The endpoint refused the request, or sent no completion."),
    "content": (1, "The endpoint refused the texts for their content."),
    "down": (1, "The endpoint gives no answers. The same command goes on later."),
}


class LabelSettings(NamedTuple):
    """Settings of a run.

    min_score (float): Least score of an entity.
    passes (int): Number of passes.
    worth (Optional[int]): How many texts to choose; None for all.
    cheap (Optional[str]): Pipeline whose doubts decide which.
    against (Optional[str]): Pipeline whose disagreement with it decides first.
    max_cost (Optional[float]): US dollars, those of earlier calls included; None for no limit.
    prices (Optional[Path]): JSON file of prices.
    gpu_id (int): Number of the GPU, -1 for the CPU.
    reading (InputSettings): How the texts are read.
    """

    min_score: float = 0.0
    passes: int = 1
    worth: Optional[int] = None
    cheap: Optional[str] = None
    against: Optional[str] = None
    max_cost: Optional[float] = None
    prices: Optional[Path] = None
    gpu_id: int = -1
    reading: InputSettings = InputSettings()


@app.command("label")
def label_cli(
    texts: Annotated[list[str], typer.Argument(help="Files of texts, folders, or patterns such as 'mails/*.txt'.")],
    output: Annotated[Path, typer.Argument(help="Records, as JSON Lines; a journal and the problems are written beside it.")],
    model: Annotated[str, typer.Option(help="Folder or package name of a pipeline, or a config, such as one over an endpoint.")],
    min_score: Annotated[float, typer.Option(min=0.0, max=1.0, help="Least score of every entity of a record.")] = 0.0,
    passes: Annotated[int, typer.Option(min=1, help="Passes over each text; an entity needs more than half of the votes.")] = 1,
    worth: Annotated[Optional[int], typer.Option(min=1, help="Label the texts alone that are most worth it, so many.")] = None,
    cheap: Annotated[Optional[str], typer.Option(help="Trained pipeline whose doubts tell what a text is worth.")] = None,
    against: Annotated[Optional[str], typer.Option(help="Another one: texts on which the two disagree come first.")] = None,
    max_cost: Annotated[Optional[float], typer.Option(min=0.0, help="US dollars, those of earlier calls included.")] = None,
    prices: Annotated[Optional[Path], typer.Option(help="JSON file of prices over the package's own.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Estimate the requests and the cost, ask nothing.")] = False,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, -1 for the CPU.")] = -1,
    format: Annotated[Optional[InputFormat], typer.Option(help="What the files are; told by the suffix if not given.")] = None,
    text_column: Annotated[str, typer.Option(help="Column or field of the texts.")] = "text",
) -> None:
    """Label raw texts with a pipeline or a prompt: records with scores. Call it again to go on where it was stopped.

    Texts without a trustworthy record are listed beside the output, in a file whose name ends in .problems.jsonl.
    """
    with clear_errors():
        settings = LabelSettings(
            min_score, passes, worth, cheap, against, max_cost, prices, gpu_id, InputSettings(format, text_column)
        )
        if dry_run:
            print_estimate(estimate_label(texts, output, model, settings), model)
            return
        ending, summary = label(texts, output, model, settings, progress=console.is_terminal)
    print_summary(summary, output)
    code, sentence = ENDS[ending.end]
    if ending.end != "done":
        stderr.print(f"{sentence} {ending.reason}", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def label(
    inputs: Sequence[Union[str, Path]], output: Path, model: str, settings: Optional[LabelSettings] = None, progress: bool = False
) -> tuple[Ending, dict[str, Any]]:
    """Label texts until all have an outcome, or a limit is reached.

    inputs (Sequence[Union[str, Path]]): Files of texts; see `read_documents`.
    output (Path): File of the records.
    model (str): Folder or package name of a pipeline, or path of a config.
    RETURNS (tuple[Ending, dict[str, Any]]): How it ended; counts, cost and the name of the file of problems.
    RAISES (SlmNerError): If a file cannot be read, the pipeline cannot label, or the output belongs to another run.
    """
    settings = settings or LabelSettings()
    check_inputs(inputs)
    nlp, chooser = load_pipelines(model, output, settings)
    endpoints = endpoints_of(nlp)
    digest = fingerprint(nlp)
    name = name_of(nlp, digest, [one.model for one in endpoints], settings.passes)
    files = LabelFiles(output, result_settings(digest, chooser, settings), sum(paid_answers(endpoints)))
    try:
        total = limit_cost(endpoints, settings.max_cost, files.paid_before)
        read = partial(read_documents, inputs, settings.reading)
        number = sum(1 for _ in check_texts(read(), [*files.done, *(files.chosen or [])]))
        selected = select_texts(read, files, nlp, chooser) if chooser else None
        writer = RecordWriter(nlp, name, settings.min_score)
        with ProgressBar(number if selected is None else len(selected), progress) as watch:
            run = LabelRun(files, Labeller(nlp, settings.passes), writer, partial(watch, total))
            ending = run.label(check_texts(read(), ()) if selected is None else selected)
    finally:
        files.close()
    counts = {"texts": number, "chosen": files.chosen and len(files.chosen), "records": files.records, "problems": files.problems}
    return ending, {**counts, "cost": total.paid if endpoints else None, "problems_file": str(files.problems_path)}


def check_inputs(inputs: Sequence[Union[str, Path]]) -> None:
    """RAISES (ReadError): If texts come from standard input."""
    if STDIN in map(str, inputs):
        raise ReadError("Texts are read twice, which standard input cannot be. Write them to a file, and name it.")


def load_pipelines(model: str, output: Path, settings: LabelSettings) -> tuple[Language, Optional[Chooser]]:
    """Load the pipeline that labels and those that choose, and check that they can.

    RAISES (SlmNerError): If they cannot.
    """
    if (settings.worth is None) != (settings.cheap is None) or (settings.worth is None and settings.against is not None):
        raise ReadError("--worth, a number of texts, and --cheap, a trained pipeline, need each other; --against needs both.")
    nlp = load_pipeline(model, settings.gpu_id)
    require_entities(nlp, model)
    endpoints = endpoints_of(nlp)
    require_random(endpoints, settings.passes)
    set_prices(endpoints, settings.prices, needed=settings.max_cost is not None)
    give_caches(endpoints, output)
    if settings.worth is None or settings.cheap is None:
        return nlp, None
    others = [load_pipeline(name, settings.gpu_id) for name in (settings.cheap, settings.against) if name is not None]
    chooser = Chooser(settings.worth, *others)
    chooser.require_free()
    return nlp, chooser


def result_settings(digest: str, chooser: Optional[Chooser], settings: LabelSettings) -> dict[str, Setting]:
    """Return all that decides on the result, by the names of options; pipelines by their fingerprints.

    digest (str): Fingerprint of the pipeline that labels.
    """
    against = chooser and chooser.against
    return {
        "--model": digest,
        "--min-score": settings.min_score,
        "--passes": settings.passes,
        "--worth": settings.worth,
        "--cheap": fingerprint(chooser.cheap) if chooser else None,
        "--against": fingerprint(against) if against else None,
    }


def estimate_label(inputs: Sequence[Union[str, Path]], output: Path, model: str, settings: LabelSettings) -> Estimate:
    """Estimate what labelling the texts that have no result yet would ask and pay. Nothing is asked and nothing is written.

    RAISES (SlmNerError): See `label`.
    """
    check_inputs(inputs)
    nlp, chooser = load_pipelines(model, output, settings)
    usable = [text for text in check_texts(read_documents(inputs, settings.reading), ()) if not explain_unusable(text[1], nlp)]
    texts = chooser.choose(usable) if chooser else usable
    done = find_done(output)
    return estimate(nlp, (document.text for key, document in texts if key not in done), settings.passes)


class ProgressBar:
    """Progress bar of a run.

    texts (int): Number of texts.
    visible (bool): Whether the bar is shown.
    """

    def __init__(self, texts: int, visible: bool) -> None:
        text = TextColumn("{task.completed}/{task.total} texts, {task.fields[problems]} problems{task.fields[cost]}")
        self.bar = Progress(SpinnerColumn(), BarColumn(), text, TimeElapsedColumn(), console=stderr, disable=not visible)
        self.task = self.bar.add_task("", total=texts, problems=0, cost="")

    def __enter__(self) -> "ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.stop()

    def __call__(self, total: TotalCost, files: LabelFiles) -> None:
        cost = f", ${total.paid:.3f}" if total.paid else ""
        self.bar.update(self.task, completed=len(files.done), problems=files.problems, cost=cost)


def print_summary(summary: dict[str, Any], output: Path) -> None:
    """Print the counts of a run."""
    chosen = "" if summary["chosen"] is None else f", {summary['chosen']} of them chosen"
    cost = "" if summary["cost"] is None else f"; ${summary['cost']:.4f}"
    console.print(
        f"{summary['texts']} texts{chosen}; {output}: {summary['records']} records; {summary['problems_file']}: "
        f"{summary['problems']} texts without one{cost}",
        markup=False,
        soft_wrap=True,
    )


def print_estimate(found: Estimate, model: str) -> None:
    """Print the estimate of a run."""
    cost = "a price is not known, name it with --prices" if found.cost is None else f"${found.cost:.4f}"
    asked = (
        f"about {found.requests} requests, {found.usage.prompt:,} + {found.usage.completion:,} tokens: {cost}. Requests that "
        "fail come on top; what the endpoint caches is cheaper."
    )
    said = f"{found.texts} texts for {decode_argument(model)}: {asked if found.asks else 'no endpoint is asked.'}"
    console.print(said, markup=False, soft_wrap=True)
