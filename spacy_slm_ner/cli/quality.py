from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.table import Table
from rich.text import Text

from ..errors import ReadError
from ..records.convert import Converter
from ..records.damage import DamageLog
from ..records.quality import diversity, giveaways, suspicions
from ..records.quality_page import count, quality_page
from ..records.read_json import read_payloads
from ..synthesis.spec import Spec, read_spec
from ._app import app, clear_errors, console, decode_argument
from ._load import blank_pipeline


@app.command("quality")
def quality_cli(
    records: Annotated[Path, typer.Argument(help="Record file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to browse.")] = Path("report/quality.html"),
    spec: Annotated[Optional[Path], typer.Option(help="The spec of the records, to compare the counts with.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the tokenizer, a spaCy code.")] = "en",
) -> None:
    """Judge records: counts, diversity, words that give the intent away, strings that are labelled here and not there."""
    with clear_errors():
        found = quality(records, output, spec, lang)
    table = Table("", "number", "share", "wanted", title=Text(f"{records}: {found['docs']} records"))
    for name, number, share, wanted in found["counts"]:
        table.add_row(Text(name), str(number), f"{share:.0%}", "" if wanted is None else f"{wanted:.0%}")
    console.print(table)
    words = ", ".join(f"{row.word} ({row.intent}, {row.accuracy:.2f})" for row in found["giveaways"][:5])
    lines = [
        f"distinct texts, entities masked: {found['diversity'].templates:.1%}; {found['damage'] or 'no damage'}",
        f"words that tell the intent: {words or 'none'}; strings with several labels: {len(found['suspicions'])}",
        f"{records} -> {output}",
    ]
    console.print("\n".join(lines), soft_wrap=True, markup=False)


def quality(records: Path, output: Path, spec: Optional[Path] = None, lang: str = "en") -> dict[str, Any]:
    """Write the page of quality.

    RETURNS (dict[str, Any]): Number of records, counts, diversity, giveaways, suspicions and damage.
    RAISES (ReadError): If a file cannot be read, or holds no records.
    """
    damage_log = DamageLog()
    converter = Converter(blank_pipeline(lang), damage_log)
    docs = converter.convert([records], "records")
    if not docs:
        raise ReadError(f"{records} holds no records that could be judged, of {sum(1 for _ in read_payloads(records))}.")
    wanted = wanted_shares(read_spec(spec)) if spec else {}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(
        quality_page(docs, damage_log.counts(), wanted, f"Quality of {decode_argument(records.name)}"), encoding="utf8"
    )
    return {
        "docs": len(docs),
        "counts": count(docs, wanted),
        "diversity": diversity(docs),
        "giveaways": giveaways(docs),
        "suspicions": suspicions(docs),
        "damage": damage_log.counts(),
    }


def wanted_shares(spec: Spec) -> dict[str, float]:
    """Return the shares that a spec asks for, by name."""
    weights = spec.weights_of_intents
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    return {"no entity": spec.without_entities, **{name: label.share for name, label in spec.labels.items()}, **shares}
