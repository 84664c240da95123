import asyncio
import os
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from dotenv import dotenv_values
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..endpoints.endpoint import NO_KEY, RequestOptions
from ..endpoints.prices import find_price, read_prices
from ..errors import ReadError
from ..synthesis.batch_results import BATCH_DISCOUNT
from ..synthesis.batch_run import ask_batches
from ..synthesis.concurrent_run import ask_concurrently
from ..synthesis.estimate import Estimate, estimate
from ..synthesis.record_endpoint import RecordEndpoint
from ..synthesis.run import End, Limits, Run
from ..synthesis.spec import Spec, read_spec
from ._app import app, clear_errors, console, stderr
from ._load import blank_pipeline

KEY_VARIABLE = "OPENAI_API_KEY"
ENDS: dict[End, tuple[int, str]] = {
    "done": (0, "Done."),
    "cost": (3, "The budget is reached. The same command with a larger --max-cost goes on."),
    "requests": (3, "The number of requests is reached. The same command with a larger --max-requests goes on."),
    "stalled": (1, "Of the last answers, nothing could be taken. Look at the rejects, correct the spec, or take another model."),
    "key": (1, "The endpoint refused the key."),
    "credit": (1, "The account has no credit left. The same command goes on later."),
    "request": (1, "The endpoint refused the request, or sent no completion."),
    "down": (1, "The endpoint gives no answers. The same command goes on later."),
}


@app.command("generate")
def generate_cli(
    spec: Annotated[Path, typer.Argument(help="What records you want, as YAML; `spacy-slm-ner init` writes one.")],
    output: Annotated[Path, typer.Argument(help="Records, as JSON Lines; a journal and the rejects are written beside it.")],
    records: Annotated[Optional[int], typer.Option(min=1, help="Number of records, instead of the spec's.")] = None,
    model: Annotated[Optional[str], typer.Option(help="Model, instead of the spec's.")] = None,
    base_url: Annotated[Optional[str], typer.Option(help="Address of the endpoint, instead of the spec's.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
    concurrency: Annotated[int, typer.Option(min=1, help="Most requests at a time.")] = 8,
    per_minute: Annotated[Optional[int], typer.Option(min=1, help="Most requests a minute.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for one request.")] = 120.0,
    retries: Annotated[int, typer.Option(min=0, help="Further tries of a request that fails.")] = 6,
    max_cost: Annotated[Optional[float], typer.Option(min=0.0, help="US dollars.")] = None,
    max_requests: Annotated[Optional[int], typer.Option(min=1, help="Answers, those of earlier calls included.")] = None,
    prices: Annotated[Optional[Path], typer.Option(help="JSON file of prices over the package's own.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Use the Batch API: half the price, answers within a day.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Estimate the cost, ask nothing.")] = False,
) -> None:
    """Ask a language model for labelled records. Call it again to go on where it was stopped, whatever stopped it.

    The key comes from OPENAI_API_KEY, or from a file .env in this folder.
    """
    with clear_errors():
        changes = {"records": records, "model": model, "base_url": base_url}
        wanted = read_spec(spec).model_copy(update={name: value for name, value in changes.items() if value is not None})
        if dry_run:
            print_estimate(
                estimate(wanted, find_price(wanted.model, read_prices(prices)), BATCH_DISCOUNT if batch else 1.0), wanted
            )
            return
        limits = Limits(concurrency, max_cost, max_requests)
        options = RequestOptions(timeout, retries, per_minute)
        end, summary = generate(wanted, output, limits, options, lang, prices, batch, progress=console.is_terminal)
    print_summary(summary, output)
    code, sentence = ENDS[end]
    if end != "done":
        stderr.print(" ".join([sentence, summary["last_error"] or summary["last_reason"]]), markup=False, soft_wrap=True)
    raise typer.Exit(code)


def generate(
    spec: Spec,
    output: Path,
    limits: Optional[Limits] = None,
    options: Optional[RequestOptions] = None,
    lang: str = "en",
    prices: Optional[Path] = None,
    batch: bool = False,
    progress: bool = False,
) -> tuple[End, dict[str, Any]]:
    """Ask for records until there are enough, or a limit is reached.

    RETURNS (tuple[End, dict[str, Any]]): Why it ended; counts, tokens, cost and quotas.
    RAISES (ReadError): If there is no key, no price for a limit of cost, or the output belongs to another run.
    RAISES (EndpointError): If no endpoint can have the address, or the key cannot be sent.
    """
    limits = limits or Limits()
    price = find_price(spec.model, read_prices(prices))
    if price is None and limits.cost is not None:
        raise ReadError(f"Got --max-cost, but no price is known for {spec.model!r}. Name one with --prices.")
    endpoint = RecordEndpoint(spec, find_key(spec), options or RequestOptions())
    with ProgressBar(spec, progress) as watch:
        run = Run(spec, output, blank_pipeline(lang), price, watch)
        try:
            watch(run)
            end = asyncio.run(ask(run, endpoint, limits, batch))
        finally:
            run.close()
    return end, summarize_run(run)


async def ask(run: Run, endpoint: RecordEndpoint, limits: Limits, batch: bool) -> End:
    """Ask until the run ends, and close the endpoint."""
    try:
        return await (ask_batches if batch else ask_concurrently)(run, endpoint, limits)
    finally:
        await endpoint.close()


def find_key(spec: Spec) -> str:
    """Find the key of the endpoint.

    RAISES (ReadError): If there is none, and the endpoint is OpenAI's.
    """
    key = (os.environ.get(KEY_VARIABLE) or dotenv_values(".env").get(KEY_VARIABLE) or "").strip()
    if key:
        return key
    if spec.base_url is None:
        raise ReadError(f"There is no key. Set {KEY_VARIABLE}, or write {KEY_VARIABLE}=... into a file .env in this folder.")
    return NO_KEY


class ProgressBar:
    """Progress bar of a run.

    spec (Spec): Spec with the number of records.
    visible (bool): Whether the bar is shown.
    """

    def __init__(self, spec: Spec, visible: bool) -> None:
        text = TextColumn("{task.completed}/{task.total} records, {task.fields[rejects]} rejects, {task.description}")
        self.bar = Progress(SpinnerColumn(), BarColumn(), text, TimeElapsedColumn(), console=stderr, disable=not visible)
        self.task = self.bar.add_task("", total=spec.records, rejects=0)

    def __enter__(self) -> "ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.stop()

    def __call__(self, run: Run) -> None:
        cost = f", ${run.paid:.3f}" if run.price else ""
        tokens = f"{run.usage.prompt + run.usage.completion:,} tokens{cost}"
        self.bar.update(self.task, completed=run.state.records, rejects=run.state.rejects, description=tokens)


def summarize_run(run: Run) -> dict[str, Any]:
    """Return counts, tokens, cost and quotas of a run."""
    return {
        "records": run.state.records,
        "rejects": run.state.rejects,
        "waiting_for_correction": len(run.state.repairs),
        "answers": run.state.answers,
        "prompt_tokens": run.usage.prompt,
        "completion_tokens": run.usage.completion,
        "cost": run.paid if run.price else None,
        "last_error": run.last_error,
        "last_reason": run.state.last_reason,
        "quotas": run.state.quotas.rows(),
        "rejects_file": str(run.rejects_path),
    }


def print_summary(summary: dict[str, Any], output: Path) -> None:
    """Print the quotas and the counts of a run."""
    table = Table("", "", "number", "wanted", title="Quotas")
    for kind, value, number, wanted in summary["quotas"]:
        table.add_row(kind, value, str(number), f"{wanted:.0f}")
    console.print(table)
    cost = "" if summary["cost"] is None else f", ${summary['cost']:.4f}"
    tokens = f"{summary['prompt_tokens']:,} + {summary['completion_tokens']:,} tokens{cost}"
    console.print(
        f"{output}: {summary['records']} records; {summary['rejects_file']}: {summary['rejects']} rejects; "
        f"{summary['answers']} answers, {tokens}",
        markup=False,
        soft_wrap=True,
    )


def print_estimate(found: Estimate, spec: Spec) -> None:
    """Print the estimate of a run."""
    cost = f"no price is known for {spec.model}, name one with --prices" if found.cost is None else f"${found.cost:.4f}"
    console.print(
        f"{spec.records} records from {spec.model}: about {found.requests} requests, {found.usage.prompt:,} + "
        f"{found.usage.completion:,} tokens: {cost}. Records that are sent back or refused come on top; "
        "what the endpoint caches is cheaper.",
        markup=False,
        soft_wrap=True,
    )
