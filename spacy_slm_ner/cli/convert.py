from pathlib import Path
from typing import Annotated, Any, Optional, Sequence

import srsly
import typer
from rich.table import Table
from spacy.tokens import DocBin

from ..errors import ReadError
from ..labels import Scheme
from ..records.convert import Converter, Format
from ..records.damage import DAMAGE, REMARKS, DamageLog, OnError
from ..records.read_conll import FIRST_AND_LAST, ColumnChoice
from ._app import app, clear_errors, comma_list, console
from ._load import blank_pipeline


@app.command("convert")
def convert_cli(
    inputs: Annotated[list[Path], typer.Argument(help="Record files (.json, .jsonl) or CoNLL files (.conll, .txt, .tsv, .iob).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="DocBin to write (.spacy), or a folder: one for each file.")],
    format: Annotated[Optional[Format], typer.Option(help="What the files are; told by the suffix if not given.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
    labels: Annotated[str, typer.Option(help="Allowed entity labels, comma separated; any if not given.")] = "",
    intents: Annotated[str, typer.Option(help="All intents, comma separated; those found in the files if not given.")] = "",
    scheme: Annotated[Optional[Scheme], typer.Option(help="Tagging scheme of CoNLL files; detected if not given.")] = None,
    word_column: Annotated[int, typer.Option(help="CoNLL column of the words, from 1; negative: from the right.")] = 1,
    tag_column: Annotated[int, typer.Option(help="CoNLL column of the tags, likewise.")] = -1,
    on_error: Annotated[OnError, typer.Option(help="Mend damaged records, skip them, or fail at the first.")] = "repair",
    report: Annotated[Optional[Path], typer.Option(help="JSON file for everything found; a folder if the output is.")] = None,
) -> None:
    """Convert LLM-written records or CoNLL columns to a spaCy DocBin with doc.ents and doc.cats."""
    with clear_errors():
        columns = ColumnChoice(word_column, tag_column)
        names = (comma_list(labels), comma_list(intents))
        results = [
            (target, convert(sources, target, format, lang, *names, scheme, on_error, account, columns))
            for sources, target, account in pair_outputs(inputs, output, report)
        ]
    for target, result in results:
        print_result(result, target)


def pair_outputs(
    inputs: Sequence[Path], output: Path, report: Optional[Path] = None
) -> list[tuple[Sequence[Path], Path, Optional[Path]]]:
    """Pair inputs with the DocBin and the report that they go to.

    output (Path): A DocBin for all inputs, or, without a suffix, a folder for one DocBin each, named like the input.
    report (Optional[Path]): Likewise.
    RETURNS (list[tuple[Sequence[Path], Path, Optional[Path]]]): Inputs, DocBin and report of each conversion.
    RAISES (ReadError): If two inputs would go to the same DocBin.
    """
    if output.suffix:
        return [(inputs, output, report)]
    stems = [path.stem for path in inputs]
    if len(set(stems)) < len(stems):
        raise ReadError(
            f"Got the folder {output} for files of the same name ({', '.join(map(str, inputs))}). Convert them one by one, or "
            "name a file that ends in .spacy to put them all into it."
        )
    return [([path], output / f"{path.stem}.spacy", None if report is None else report / f"{path.stem}.json") for path in inputs]


def convert(
    inputs: Sequence[Path],
    output: Path,
    format: Optional[Format] = None,
    lang: str = "en",
    labels: Sequence[str] = (),
    intents: Sequence[str] = (),
    scheme: Optional[Scheme] = None,
    on_error: OnError = "repair",
    report: Optional[Path] = None,
    columns: ColumnChoice = FIRST_AND_LAST,
) -> dict[str, Any]:
    """Convert files to one DocBin.

    RETURNS (dict[str, Any]): Result, which is written to `report` as JSON: inputs, number of docs and of entities by label,
        intents, schemes, counts of damage by kind, and every finding with file, record number, kind, reason and text.
    RAISES (SlmNerError): If a file cannot be read, or a record is damaged and the policy is "fail".
    """
    converter = Converter(blank_pipeline(lang), DamageLog(on_error), labels, intents, scheme, columns=columns)
    docs = converter.convert(inputs, format)
    output.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs).to_disk(output)
    found = [ent.label_ for doc in docs for ent in doc.ents]
    result = {
        "inputs": [str(path) for path in inputs],
        "docs": len(docs),
        "docs_without_entity": sum(not doc.ents for doc in docs),
        "entities": {label: found.count(label) for label in sorted(set(found))},
        "intents": list(converter.intents),
        "schemes": converter.schemes,
        "on_error": on_error,
        "counts": converter.damage_log.counts(),
        "findings": [finding._asdict() for finding in converter.damage_log.findings],
    }
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_json(report, result)
    return result


def print_result(result: dict[str, Any], output: Path) -> None:
    """Print the counts of docs and damage."""
    labels = ", ".join(f"{n} {label}" for label, n in result["entities"].items()) or "none"
    console.print(
        f"{result['docs']} docs ({result['docs_without_entity']} without entity; {labels}) -> {output}",
        soft_wrap=True,
        markup=False,
    )
    if result["counts"]:
        table = Table("found", "records", f"what --on-error {result['on_error']} did with it")
        for kind, n in result["counts"].items():
            skipped = result["on_error"] == "skip" and kind in DAMAGE
            table.add_row(kind, str(n), "record left out" if skipped else {**DAMAGE, **REMARKS}[kind])
        console.print(table)
