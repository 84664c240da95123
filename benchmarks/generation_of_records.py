"""Throughput of `generate` against a local server that answers after 50 ms: one request at a time, and sixteen.

    python benchmarks/generation_of_records.py

Also the estimate of a dry run beside the bill, counted by the server with another tokenizer if one is named:

    python benchmarks/generation_of_records.py --tokenizer SmolLM2-135M-Instruct/tokenizer.json
"""

import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Callable, Optional

import typer
from tokenizers import Tokenizer

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.endpoints.prices import read_prices
from spacy_slm_ner.synthesis.estimate import estimate
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec, read_spec

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from scripted_server import Server  # noqa: E402


def run(spec: Spec, concurrency: int, tokens: Callable[[str], int]) -> tuple[float, dict[str, Any]]:
    """Requests a second, and the summary."""
    with Server(latency=0.05, tokens=tokens) as server, tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        wanted = spec.model_copy(update={"base_url": server.url})
        _, summary = generate(wanted, Path(folder, "out.jsonl"), Limits(concurrency))
        return summary["answers"] / (perf_counter() - start), summary


def main(tokenizer: Annotated[Optional[Path], typer.Option(help="tokenizer.json to count with.")] = None) -> None:
    os.environ["OPENAI_API_KEY"] = "sk-right"
    encoder = Tokenizer.from_file(str(tokenizer)) if tokenizer else None
    tokens = (lambda text: len(encoder.encode(text).ids)) if encoder else (lambda text: len(text) // 4)
    spec = read_spec(ROOT / "configs" / "scheduling.yml").model_copy(update={"per_request": 1})
    speeds = {}
    for concurrency, records in ((1, 100), (16, 800), (1, 100), (16, 800)):
        speed, _ = run(spec.model_copy(update={"records": records}), concurrency, tokens)
        speeds.setdefault(concurrency, []).append(speed)
    one, sixteen = (max(speeds[concurrency]) for concurrency in (1, 16))
    typer.echo(f"requests a second: {one:.1f} one at a time, {sixteen:.1f} sixteen at a time, {sixteen / one:.1f} x")
    whole = spec.model_copy(update={"per_request": 5, "records": 400})
    _, summary = run(whole, 8, tokens)
    found = estimate(whole, read_prices()[whole.model])
    typer.echo(f"estimate ${found.cost:.4f}, bill ${summary['cost']:.4f}: {found.cost / summary['cost'] - 1:+.1%}")


if __name__ == "__main__":
    typer.run(main)
