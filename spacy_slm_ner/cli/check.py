import re
from pathlib import Path
from typing import Annotated, Optional, Sequence

import srsly
import typer
from pydantic import TypeAdapter

from ..errors import ReadError
from ..records.census import Census, Forms, Part
from ..records.census_page import END, START, census_page, insert_page
from ..records.convert import Job
from ..records.damage import DAMAGE, Ledger
from ._app import app, clear_errors, comma_list, console
from ._load import blank_pipeline


@app.command("check")
def check_cli(
    inputs: Annotated[list[Path], typer.Argument(help="Record files, the one to test on last.")],
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
    forms: Annotated[Optional[Path], typer.Option(help="JSON file {label: {name of a form: regular expression}}.")] = None,
    word: Annotated[str, typer.Option(help="A word that should not give the intent away.")] = "",
    disjoint: Annotated[str, typer.Option(help="Labels whose strings in the last file should be new, comma separated.")] = "",
    least_unseen: Annotated[float, typer.Option(help="Least share of new strings for each of these labels.")] = 0.7,
    similarity: Annotated[float, typer.Option(help="Jaccard similarity from which two texts are near-duplicates.")] = 0.7,
    readme: Annotated[Optional[Path], typer.Option(help=f"Markdown file to print into, between {START} and {END}.")] = None,
) -> None:
    """Count what a set of record files shows; fail if they are damaged or the last one leaks into the others."""
    with clear_errors():
        census, faults = check(inputs, lang, forms, word, comma_list(disjoint), least_unseen, similarity)
        page = census_page(census)
        if readme is not None:
            insert_page(readme, page)
    console.print(page, markup=False, soft_wrap=True)
    for fault in faults:
        console.print(f"Fault: {fault}", markup=False, style="red", soft_wrap=True)
    if faults:
        raise typer.Exit(1)


def check(
    inputs: Sequence[Path],
    lang: str = "en",
    forms: Optional[Path] = None,
    word: str = "",
    disjoint: Sequence[str] = (),
    least_unseen: float = 0.7,
    similarity: float = 0.7,
) -> tuple[Census, list[str]]:
    """Count and judge record files.

    RETURNS (tuple[Census, list[str]]): The counts, and one sentence for each fault.
    RAISES (ReadError): If a file cannot be read.
    """
    ledger = Ledger()
    parts = [Part(path.stem, Job(blank_pipeline(lang), ledger).convert([path])) for path in inputs]
    census = Census(parts, load_forms(forms), word, disjoint, similarity)
    damage = [
        f"{found.file}, record {found.record}: {found.kind}, {found.reason}" for found in ledger.findings if found.kind in DAMAGE
    ]
    return census, damage + list(census.leaks(least_unseen))


def load_forms(path: Optional[Path]) -> Forms:
    if path is None:
        return {}
    try:
        forms = TypeAdapter(dict[str, dict[str, str]]).validate_python(srsly.read_json(path))
        for patterns in forms.values():
            for pattern in patterns.values():
                re.compile(pattern)
        return forms
    except (OSError, ValueError, re.error) as error:
        raise ReadError(f"Cannot read the forms in {path}: {error}. Give a JSON file {{label: {{name: pattern}}}}.") from None
