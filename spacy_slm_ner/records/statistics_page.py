"""Statistics of a set of record files as Markdown."""

from pathlib import Path
from typing import Iterable, Iterator, Optional, Sequence

from ..errors import ReadError
from .statistics import TEXT, RecordFile, RecordStatistics

# Comments around the tables in a Markdown file; other names would not find the tables of earlier versions.
START, END = "<!-- CENSUS START -->", "<!-- CENSUS END -->"
BAR = r"\|"
TableRow = tuple[str, Sequence[str]]


def statistics_page(statistics: RecordStatistics) -> str:
    """Render statistics as Markdown tables."""
    return "\n\n".join(sections(statistics))


def sections(statistics: RecordStatistics) -> Iterator[str]:
    """Render each table, and a sentence about near-duplicates."""
    names = [file.name for file in statistics.files]
    yield table(["", *names], overview(statistics))
    if statistics.has_word and statistics.has_intents:
        yield table([f"does *{statistics.word}* give the intent away?", *names], word_rows(statistics))
    yield from (table([header, *names], rows) for header, rows in form_tables(statistics))
    unseen = [(label, [str(n) for n in statistics.unseen(label)]) for label in statistics.disjoint if statistics.unseen(label)[1]]
    if unseen:
        yield table([f"strings of {names[-1]} that no other file has", "new", "of"], unseen)
    across = sum(files[0] != files[1] for files, _, _ in statistics.near_duplicates)
    yield (
        f"Near-duplicate texts (Jaccard similarity of 5-character shingles from {statistics.similarity}): "
        f"{across} across files, {len(statistics.near_duplicates) - across} within a file."
    )


def word_rows(statistics: RecordStatistics) -> Iterator[TableRow]:
    """Yield a row for each intent: its texts with the word."""
    for intent in statistics.intents:
        yield f"`{intent}` texts with it", [word_share(file, statistics.word, intent) for file in statistics.files]


def form_tables(statistics: RecordStatistics) -> Iterator[tuple[str, list[TableRow]]]:
    """Yield header and rows for each label with forms that occurs."""
    counts = [file.count_forms(statistics.forms) for file in statistics.files]
    for label, patterns in statistics.forms.items():
        header = "texts with" if label == TEXT else f"{label} forms"
        occurs = any(count[label, form] for count in counts for form in patterns) if label == TEXT else label in statistics.labels
        if occurs:
            yield header, [(form, [str(count[label, form]) for count in counts]) for form in patterns]


def overview(statistics: RecordStatistics) -> Iterator[TableRow]:
    """Yield the rows of the first table: texts, entities and intents."""
    yield "texts", [str(len(file.docs)) for file in statistics.files]
    yield "without entity", [share(file.without_entity(), len(file.docs)) for file in statistics.files]
    for label in statistics.labels:
        yield f"{label} entities", [str(file.count_labels()[label]) for file in statistics.files]
    for intent in statistics.intents if statistics.has_intents else ():
        yield f"intent `{intent}`", [str(file.count_intents()[intent]) for file in statistics.files]


def word_share(file: RecordFile, word: str, intent: str) -> str:
    """Format the share of the texts of an intent that have a word."""
    return share(*file.count_intents_with(word).get(intent, (0, 0)))


def share(n: int, total: int) -> str:
    """Format a share, such as "1 of 4 (25%)"."""
    return f"{n} of {total} ({n / max(total, 1):.0%})"


def table(header: Sequence[str], rows: Iterable[TableRow]) -> str:
    """Render a Markdown table."""
    lines = [header, ["---"] * len(header), *([name, *cells] for name, cells in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', BAR) for cell in line)} |" for line in lines)


def write_page(readme: Path, page: str) -> Optional[str]:
    """Insert a page into a Markdown file, which is created if there is none.

    RETURNS (Optional[str]): Why it was not inserted; None if it was.
    """
    try:
        if not readme.exists():
            create_readme(readme)
        insert_page(readme, page)
        return None
    except ReadError as error:
        return f"the counts are printed only. {error}"


def create_readme(readme: Path, text: str = "") -> None:
    """Create a Markdown file with a place for a page.

    text (str): First paragraph.
    RAISES (ReadError): If it cannot be written.
    """
    try:
        readme.parent.mkdir(parents=True, exist_ok=True)
        readme.write_text("\n\n".join(block for block in ("# Records", text, f"{START}\n{END}\n") if block), encoding="utf8")
    except OSError as error:
        raise ReadError(f"Cannot write {readme}: {error.strerror}.") from None


def insert_page(readme: Path, page: str) -> None:
    """Insert a page into a Markdown file, between the comments `START` and `END`.

    RAISES (ReadError): If the file lacks the comments, or cannot be read or written.
    """
    try:
        with readme.open(encoding="utf8", newline="") as file:
            before, start, rest = file.read().partition(START)
        _, end, after = rest.partition(END)
        if not start or not end:
            raise ReadError(f"{readme} has no place for the counts. Put the lines {START} and {END} into it.")
        with readme.open("w", encoding="utf8", newline="") as file:
            file.write(f"{before}{START}\n{page}\n{END}{after}")
    except UnicodeDecodeError:
        raise ReadError(f"{readme} is not UTF-8. Store it as UTF-8, or name another file.") from None
    except OSError as error:
        raise ReadError(f"Cannot write {readme}: {error.strerror}.") from None
