"""The counts of a set of records as Markdown."""

from pathlib import Path
from typing import Iterable, Iterator, Optional, Sequence

from ..errors import ReadError
from .statistics import TEXT, RecordFile, RecordStatistics

START, END = "<!-- CENSUS START -->", "<!-- CENSUS END -->"
BAR = r"\|"
TableRow = tuple[str, Sequence[str]]


def statistics_page(statistics: RecordStatistics) -> str:
    """All tables of a statistics."""
    return "\n\n".join(sections(statistics))


def sections(statistics: RecordStatistics) -> Iterator[str]:
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
    for intent in statistics.intents:
        yield f"`{intent}` texts with it", [hits(file, statistics.word, intent) for file in statistics.files]


def form_tables(statistics: RecordStatistics) -> Iterator[tuple[str, list[TableRow]]]:
    """Head and rows for each label with forms that occurs."""
    counts = [file.count_forms(statistics.forms) for file in statistics.files]
    for label, patterns in statistics.forms.items():
        header = "texts with" if label == TEXT else f"{label} forms"
        occurs = any(count[label, form] for count in counts for form in patterns) if label == TEXT else label in statistics.labels
        if occurs:
            yield header, [(form, [str(count[label, form]) for count in counts]) for form in patterns]


def overview(statistics: RecordStatistics) -> Iterator[TableRow]:
    yield "texts", [str(len(file.docs)) for file in statistics.files]
    yield "without entity", [share(file.without_entity(), len(file.docs)) for file in statistics.files]
    for label in statistics.labels:
        yield f"{label} entities", [str(file.count_labels()[label]) for file in statistics.files]
    for intent in statistics.intents if statistics.has_intents else ():
        yield f"intent `{intent}`", [str(file.count_intents()[intent]) for file in statistics.files]


def hits(file: RecordFile, word: str, intent: str) -> str:
    return share(*file.intent_word(word).get(intent, (0, 0)))


def share(n: int, total: int) -> str:
    return f"{n} of {total} ({n / max(total, 1):.0%})"


def table(header: Sequence[str], rows: Iterable[TableRow]) -> str:
    lines = [header, ["---"] * len(header), *([name, *cells] for name, cells in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', BAR) for cell in line)} |" for line in lines)


def write_page(readme: Path, page: str) -> Optional[str]:
    """Put a page into a Markdown file, which is made if there is none.

    RETURNS (Optional[str]): Why it is not in there, if the file has no place for it or cannot be written.
    """
    try:
        if not readme.exists():
            create_readme(readme)
        insert_page(readme, page)
        return None
    except ReadError as error:
        return f"the counts are printed only. {error}"


def create_readme(readme: Path, text: str = "") -> None:
    """Write a Markdown file with a place for a page.

    text (str): A paragraph for its beginning.
    RAISES (ReadError): If it cannot be written.
    """
    try:
        readme.parent.mkdir(parents=True, exist_ok=True)
        readme.write_text("\n\n".join(file for file in ("# Records", text, f"{START}\n{END}\n") if file), encoding="utf8")
    except OSError as error:
        raise ReadError(f"Cannot write {readme}: {error.strerror}.") from None


def insert_page(readme: Path, page: str) -> None:
    """Put a page into a Markdown file, between its two marks.

    RAISES (ReadError): If the file lacks the marks, or cannot be read or written.
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
