import os
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Optional, Sequence, Union

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..alignment.offsets import Offsets
from ..batch.engine import Engine
from ..batch.local_engine import LocalEngine
from ..batch.manifest import Manifest, begin_manifest
from ..batch.model_digest import digest_model
from ..batch.outputs import OF_DOCS, OutputFormat, format_of
from ..batch.ray_engine import RayEngine
from ..batch.run import BatchJob, files_beside, folder_of
from ..batch.settings import RESERVED, BatchSettings, Long, WorkerSpec
from ..documents.document import InputFormat, InputSettings
from ..documents.read import STDIN, expand, read_documents
from ..errors import ReadError
from ._app import app, clear_errors, comma_list, console, decode_argument, stderr

EngineName = Literal["local", "ray"]


class RunSettings(NamedTuple):
    """Settings that change how a job runs, and not what it writes.

    engine (EngineName): "local": processes of this machine; "ray": a Ray cluster.
    workers (int): Number of workers.
    gpu_id (int): Number of the GPU of local workers, -1 for the CPU.
    gpus (float): GPUs of each worker of Ray.
    """

    engine: EngineName = "local"
    workers: int = 1
    gpu_id: int = -1
    gpus: float = 0.0


@app.command("annotate")
def annotate_cli(
    texts: Annotated[list[str], typer.Argument(help="Files of texts, folders, patterns such as 'mails/*.txt', or - for stdin.")],
    output: Annotated[Path, typer.Argument(help="File to write: .jsonl, .csv, .parquet, .spacy or .conll.")],
    model: Annotated[str, typer.Option(help="Folder or package name of a trained pipeline.")],
    output_format: Annotated[Optional[OutputFormat], typer.Option(help="Of the output; told by the suffix if not given.")] = None,
    format: Annotated[Optional[InputFormat], typer.Option(help="What the files are; told by the suffix if not given.")] = None,
    text_column: Annotated[str, typer.Option(help="Column or field of the texts.")] = "text",
    id_column: Annotated[Optional[str], typer.Option(help="Column or field of the ids; `id` if not given.")] = None,
    keep: Annotated[str, typer.Option(help="Columns or fields to keep, comma separated.")] = "",
    offsets: Annotated[Offsets, typer.Option(help="What offsets count.")] = "codepoint",
    long: Annotated[Long, typer.Option(help="Read texts that are too long in windows, or write them to the errors.")] = "window",
    max_length: Annotated[
        Optional[int], typer.Option(min=1, help="Most characters read at once; not more than the pipeline's.")
    ] = None,
    batch_size: Annotated[Optional[int], typer.Option(min=1, help="Texts read at a time; the pipeline's if not given.")] = None,
    shard_rows: Annotated[int, typer.Option(min=1, help="Rows of a shard, which is what is done again after a crash.")] = 1000,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Number of workers; of processors if not given.")] = None,
    engine: Annotated[EngineName, typer.Option(help="Processes of this machine, or a Ray cluster.")] = "local",
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU of local workers, -1 for the CPU.")] = -1,
    gpus: Annotated[float, typer.Option(min=0.0, help="GPUs of each worker of Ray, such as 0.5.")] = 0.0,
) -> None:
    """Annotate any number of texts with a trained pipeline. Call it again to go on where it was stopped.

    Texts without a result are listed beside the output, in a file whose name ends in .errors.jsonl.
    """
    with clear_errors():
        kind = output_format or format_of(output)
        settings = BatchSettings(tuple(comma_list(keep)), shard_rows, batch_size, long, max_length, offsets, docs=kind in OF_DOCS)
        running = RunSettings(engine, workers or os.cpu_count() or 1, gpu_id, gpus)
        reading = InputSettings(format, text_column, id_column)
        manifest = annotate(texts, output, model, kind, settings, reading, running, progress=console.is_terminal)
    print_manifest(manifest, output)


def annotate(
    inputs: Sequence[Union[str, Path]],
    output: Path,
    model: str,
    output_format: Optional[OutputFormat] = None,
    settings: Optional[BatchSettings] = None,
    reading: Optional[InputSettings] = None,
    running: Optional[RunSettings] = None,
    progress: bool = False,
) -> Manifest:
    """Annotate texts.

    inputs (Sequence[Union[str, Path]]): Files of texts; see `read_documents`.
    output (Path): File of the results.
    model (str): Folder or package name of a pipeline.
    RETURNS (Manifest): What was annotated, with what, and how it went, as it is written beside the output.
    RAISES (SlmNerError): If a file cannot be read, the pipeline cannot annotate, or the output belongs to another job.
    """
    output_format = output_format or format_of(output)
    settings, reading, running = settings or BatchSettings(), reading or InputSettings(), running or RunSettings()
    settings = settings._replace(docs=output_format in OF_DOCS)
    check_names(inputs, output, settings, reading)
    digest = digest_model(model)
    names = [str(name) for name in inputs]
    manifest = begin_manifest(model, digest, fixed_settings(settings, reading, output_format), names)
    job = BatchJob(output, output_format, settings, manifest)
    total = sum(1 for _ in read_documents(inputs, reading)) if progress and STDIN not in names else None
    with ProgressBar(total, progress) as watch:
        return job.run(read_documents(inputs, reading), make_engine(model, digest, output, settings, running), watch)


def make_engine(model: str, digest: str, output: Path, settings: BatchSettings, running: RunSettings) -> Engine:
    """Make the engine of a job.

    RAISES (MissingExtraError): If Ray is wanted and not installed.
    """
    place = str(Path(model).resolve()) if Path(model).is_dir() else model
    spec = WorkerSpec(place, digest, folder_of(output), settings, running.gpu_id)
    return LocalEngine(spec, running.workers) if running.engine == "local" else RayEngine(spec, running.workers, running.gpus)


def check_names(inputs: Sequence[Union[str, Path]], output: Path, settings: BatchSettings, reading: InputSettings) -> None:
    """Check the names of files and columns.

    RAISES (ReadError): If a column would have two meanings, or the output would be an input of the next call.
    """
    taken = [name for name in settings.keep if name in RESERVED or name == reading.text_column or settings.keep.count(name) > 1]
    if taken:
        raise ReadError(
            f"Got --keep {', '.join(settings.keep)}: {taken[0]!r} is there already, or given twice. The output has "
            f"{', '.join(RESERVED)} itself."
        )
    for name in map(str, inputs):
        files = [] if "://" in name or name == STDIN else expand(name, reading)
        is_inside = Path(name).is_dir() and output.resolve().is_relative_to(Path(name).resolve())
        if is_inside or any(Path(file).resolve() == output.resolve() for file in files):
            raise ReadError(f"{output} is among the inputs, {name}. Write it elsewhere.")


def fixed_settings(settings: BatchSettings, reading: InputSettings, output_format: OutputFormat) -> dict[str, Any]:
    """Return all settings that decide on the result, by the names of options."""
    chosen = {**settings._asdict(), **reading._asdict(), "output_format": output_format}
    return {f"--{name.replace('_', '-')}": value for name, value in chosen.items() if name != "docs"}


class ProgressBar:
    """Progress bar of a job, with its rate and the time that is left.

    total (Optional[int]): Number of rows; None if it is not known.
    visible (bool): Whether the bar is shown.
    """

    def __init__(self, total: Optional[int], visible: bool) -> None:
        text = TextColumn("{task.completed} texts, {task.fields[errors]} errors, {task.fields[rate]} a second")
        columns = (SpinnerColumn(), BarColumn(), text, TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=stderr, disable=not visible)
        self.task = self.bar.add_task("", total=total, errors=0, rate="?")

    def __enter__(self) -> "ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.stop()

    def __call__(self, rows: int, errors: int) -> None:
        speed = self.bar.tasks[0].speed
        self.bar.update(self.task, completed=rows, errors=errors, rate=f"{speed:,.0f}" if speed else "?")


def print_manifest(manifest: Manifest, output: Path) -> None:
    """Print the counts of a job."""
    errors = ", ".join(f"{count} {kind}" for kind, count in manifest["errors"].items()) or "none"
    console.print(
        f"{manifest['rows']} texts; {decode_argument(str(output))}: {manifest['annotated']} annotated; "
        f"{decode_argument(files_beside(output)['errors'])}: {errors}",
        markup=False,
        soft_wrap=True,
    )
