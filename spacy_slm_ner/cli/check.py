import re
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NamedTuple, Optional, Sequence

import srsly
import typer
from pydantic import TypeAdapter

from ..errors import ReadError
from ..records.checks import LEAST_UNSEEN, CheckResult, check_damage, check_names, check_statistics
from ..records.convert import Converter
from ..records.damage import DamageLog, OnError
from ..records.statistics import Forms, RecordFile, RecordStatistics
from ..records.statistics_page import END, START, statistics_page, write_page
from ._app import app, clear_errors, comma_list, console
from ._load import blank_pipeline


class AllowedNames(NamedTuple):
    """Allowed names; empty for any.

    labels (Sequence[str]): Labels.
    intents (Sequence[str]): Intents.
    """

    labels: Sequence[str] = ()
    intents: Sequence[str] = ()


class TableOptions(NamedTuple):
    """Tables to print besides the counts; see `RecordStatistics`."""

    forms: Forms = MappingProxyType({})
    word: str = ""
    disjoint: Sequence[str] = ()
    similarity: float = 0.7


ANY_NAMES = AllowedNames()
NO_OPTIONS = TableOptions()


@app.command("check")
def check_cli(
    inputs: Annotated[list[Path], typer.Argument(help="Record files, the one to test on last.")],
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
    labels: Annotated[str, typer.Option(help="Allowed entity labels, comma separated or a JSON list; any if not given.")] = "",
    intents: Annotated[str, typer.Option(help="All intents, likewise; those found in the files if not given.")] = "",
    on_error: Annotated[
        OnError, typer.Option(help="What `convert` will do with damage: what it takes care of is counted and no fault.")
    ] = "fail",
    forms: Annotated[Optional[Path], typer.Option(help="JSON file {label: {name of a form: regular expression}}.")] = None,
    word: Annotated[str, typer.Option(help="A word that should not give the intent away.")] = "",
    disjoint: Annotated[str, typer.Option(help="Labels whose strings in the last file should be new, comma separated.")] = "",
    least_unseen: Annotated[
        Optional[float],
        typer.Option(help=f"Least share of new strings for each of these labels; below {LEAST_UNSEEN} is a note if not given."),
    ] = None,
    similarity: Annotated[float, typer.Option(help="Jaccard similarity from which two texts are near-duplicates.")] = 0.7,
    tokenizer: Annotated[str, typer.Option(help="Tokenizer of the pipelines to train, as spaCy registers it.")] = "",
    readme: Annotated[
        Optional[Path], typer.Option(help=f"Markdown file to print into, between {START} and {END}; made if there is none.")
    ] = None,
) -> None:
    """Count what record files show; fail on damage that --on-error does not mend, and if the last one leaks into the others."""
    with clear_errors():
        names = AllowedNames(comma_list(labels), comma_list(intents))
        tables = TableOptions(load_forms(forms), word, comma_list(disjoint), similarity)
        statistics, (faults, notes) = check(inputs, lang, names, on_error, tables, least_unseen, tokenizer)
        page = statistics_page(statistics)
        unwritten = write_page(readme, page) if readme is not None else None
    console.print(page, markup=False, soft_wrap=True)
    for note in [*notes, *([unwritten] if unwritten else [])]:
        console.print(f"Note: {note}", markup=False, style="yellow", soft_wrap=True)
    for fault in faults:
        console.print(f"Fault: {fault}", markup=False, style="red", soft_wrap=True)
    if faults:
        raise typer.Exit(1)


def check(
    inputs: Sequence[Path],
    lang: str = "en",
    names: AllowedNames = ANY_NAMES,
    on_error: OnError = "fail",
    tables: TableOptions = NO_OPTIONS,
    least_unseen: Optional[float] = None,
    tokenizer: str = "",
) -> tuple[RecordStatistics, CheckResult]:
    """Count and check record files.

    RETURNS (tuple[RecordStatistics, CheckResult]): The counts, and one sentence for each fault and each note.
    RAISES (ReadError): If a file cannot be read.
    """
    # The policy "fail" would stop at the first damage, but all damage is reported.
    damage_log = DamageLog("skip" if on_error == "skip" else "repair")
    statistics = RecordStatistics(read_record_files(inputs, lang, damage_log, names), *tables)
    results = [check_damage(damage_log.findings, on_error), check_statistics(statistics, least_unseen)]
    faults = [fault for result in results for fault in result.faults]
    if any(names):
        faults += check_names(read_record_files(inputs, lang, DamageLog(), ANY_NAMES), *names)
    return statistics, CheckResult(
        [*faults, *check_tokenizer(lang, tokenizer)], [note for result in results for note in result.notes]
    )


def read_record_files(inputs: Sequence[Path], lang: str, damage_log: DamageLog, names: AllowedNames) -> list[RecordFile]:
    """Read record files, each without regard to the others."""
    nlp = blank_pipeline(lang)
    converters = [Converter(nlp, damage_log, labels=names.labels, intents=names.intents) for _ in inputs]
    return [RecordFile(path.stem, converter.convert([path])) for path, converter in zip(inputs, converters)]


def check_tokenizer(lang: str, tokenizer: str) -> list[str]:
    """Check that records and pipelines have the same tokenizer."""
    usual = blank_pipeline(lang).config["nlp"]["tokenizer"]["@tokenizers"]
    if not tokenizer or tokenizer == usual:
        return []
    return [
        f"the records of the language {lang!r} are cut into tokens by {usual}, the pipelines would be by {tokenizer}. Name the "
        f"same: --tokenizer {usual} (in the project, --vars.tokenizer)"
    ]


def load_forms(path: Optional[Path]) -> Forms:
    """Load the forms to count; none without a file, or if its name is empty.

    RAISES (ReadError): If the file cannot be read, or has another form.
    """
    if path is None or path == Path(""):
        return {}
    try:
        forms = TypeAdapter(dict[str, dict[str, str]]).validate_python(srsly.read_json(path))
        for patterns in forms.values():
            for pattern in patterns.values():
                re.compile(pattern)
        return forms
    except (OSError, ValueError, re.error) as error:
        raise ReadError(f"Cannot read the forms in {path}: {error}. Give a JSON file {{label: {{name: pattern}}}}.") from None
