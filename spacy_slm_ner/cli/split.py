from pathlib import Path
from typing import Annotated, Any, Optional, Sequence

import srsly
import typer
from spacy.tokens import Doc

from ..errors import ReadError
from ..records.convert import Converter, collect_intents
from ..records.damage import DamageLog
from ..records.read_json import read_payloads
from ..records.split import SPLITS, crossings, split
from ..records.statistics_page import create_readme
from ..synthesis.prompts import system_message
from ..synthesis.spec import read_spec
from ._app import app, clear_errors, comma_list, console, decode_argument
from ._load import blank_pipeline


@app.command("split")
def split_cli(
    records: Annotated[Path, typer.Argument(help="Record file.")],
    folder: Annotated[Path, typer.Argument(help="Folder for train.json, dev.json and test.json.")],
    spec: Annotated[Optional[Path], typer.Option(help="The spec of the records, to note its prompt.")] = None,
    dev: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the development set.")] = 0.15,
    test: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the test set.")] = 0.25,
    disjoint: Annotated[str, typer.Option(help="Labels whose strings must not occur in two splits, comma separated.")] = "",
    similarity: Annotated[float, typer.Option(help="Jaccard similarity from which two texts are near-duplicates.")] = 0.7,
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
) -> None:
    """Split records by the hash of their content, near-duplicates and shared entities together."""
    with clear_errors():
        counts = split_records(records, folder, spec, dev, test, comma_list(disjoint), similarity, lang)
    sizes = ", ".join(f"{name} {counts[name]}" for name in SPLITS)
    note = f"; {counts['groups']} groups, {counts['largest']} texts in the largest; {counts['left_out']} damaged records left out"
    console.print(f"{records} -> {folder}: {sizes}{note}", soft_wrap=True, markup=False)


def split_records(
    records: Path,
    folder: Path,
    spec: Optional[Path] = None,
    dev: float = 0.15,
    test: float = 0.25,
    disjoint: Sequence[str] = (),
    similarity: float = 0.7,
    lang: str = "en",
) -> dict[str, int]:
    """Split records, and write a record file for each split.

    RETURNS (dict[str, int]): Number of records by split, number of groups, size of the largest group, and number of damaged
        records, which are left out (`check` names them).
    RAISES (ReadError): If the records cannot be read, or a split would be empty.
    """
    payloads = [payload for _, payload in read_payloads(records)]
    converter = Converter(blank_pipeline(lang), DamageLog(), intents=collect_intents(payloads))
    pairs: list[tuple[Any, Doc]] = [(payload, doc) for payload in payloads if (doc := converter.build(payload)[0]) is not None]
    docs = [doc for _, doc in pairs]
    try:
        found = split(docs, dev, test, disjoint, similarity)
    except ValueError as error:
        raise ReadError(str(error)) from None
    prompt = system_message(read_spec(spec))["content"] if spec else ""
    counts = {name: found.splits.count(name) for name in SPLITS}
    for name in SPLITS:
        if not counts[name] and {"train": 1.0, "dev": dev, "test": test}[name]:
            raise ReadError(f"{name} would be empty: {len(docs)} records in {found.groups} groups are too few. Generate more.")
    assert not crossings(docs, found.splits, disjoint)
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        dataset = [payload for (payload, _), assigned in zip(pairs, found.splits) if assigned == name]
        write_record_file(folder / f"{name}.json", dataset, prompt)
    readme = folder / "README.md"
    if not readme.exists():
        create_readme(readme, f"Split from `{decode_argument(records.name)}`.")
    return {**counts, "groups": found.groups, "largest": found.largest, "left_out": len(payloads) - len(docs)}


def write_record_file(path: Path, dataset: list[dict[str, Any]], prompt: str) -> None:
    """Write a record file that names the models that wrote the records."""
    models = sorted({str(record.get("model", "not known")) for record in dataset})
    bare = [{name: value for name, value in record.items() if name != "model"} for record in dataset]
    srsly.write_json(path, {"system_prompt": prompt, "model": ", ".join(models), "dataset": bare})
