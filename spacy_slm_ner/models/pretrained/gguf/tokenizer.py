"""The tokenizer of a GGUF file, as the one that its model was trained with.

transformers would build one as well, but puts a piece in front of every text that the model does not know there, and leaves out
how texts are cut before they are merged. So the file's fields are put together here, and a way to cut that is not known is
refused: a model reads wrong pieces without complaint, only badly.
"""

from collections import defaultdict
from typing import Any, Callable, ClassVar, NamedTuple, Optional, Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ....errors import BaseModelError
from ..tokenizer_files import plain_tokenizer
from .file import GgufFile

PREFIX = "tokenizer.ggml."
# Kinds of pieces by their numbers in the file.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
# What transformers calls the special pieces that the file has numbers of.
SPECIAL = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
SPACE = "▁"
# How GPT-4's tokenizer cuts texts, with runs of up to so many digits.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Cutting(NamedTuple):
    """How texts are cut before pieces are merged.

    steps (Callable[[], list[Any]]): Steps before the bytes.
    regex (bool): Whether the step of the bytes cuts as GPT-2 does.
    normalizer (Optional[Any]): Of the text.
    ignore_merges (bool): Whether a word that is a piece is taken as it is.
    add_bos (bool): Whether a text has the first piece in front, if the file does not say.
    """

    steps: Callable[[], list[Any]]
    regex: bool
    normalizer: Optional[Any] = None
    ignore_merges: bool = False
    add_bos: bool = False


def digits() -> list[Any]:
    return [pre_tokenizers.Digits(individual_digits=True)]


def words(digits: str) -> Callable[[], list[Any]]:
    return lambda: [pre_tokenizers.Split(Regex(WORDS.format(digits=digits)), behavior="isolated")]


GPT2 = Cutting(list, True)
SINGLE_DIGITS = Cutting(digits, True)
QWEN2 = Cutting(words(""), False, normalizers.NFC())
LLAMA3 = Cutting(words("{1,3}"), False, ignore_merges=True, add_bos=True)
# By the names that llama.cpp gives them.
CUTTINGS = {
    "gpt-2": GPT2,
    "phi-2": GPT2,
    "smollm": SINGLE_DIGITS,
    "starcoder": SINGLE_DIGITS,
    "refact": SINGLE_DIGITS,
    "qwen2": QWEN2,
    "llama3": LLAMA3,
    "llama-v3": LLAMA3,
    "llama-bpe": LLAMA3,
}


def build_tokenizer(gguf: GgufFile, length: Optional[int] = None) -> PreTrainedTokenizerFast:
    """Build the tokenizer of a GGUF file.

    length (Optional[int]): Most pieces that its model reads.
    RAISES (BaseModelError): If the file has none, or one that cannot be built exactly.
    """
    kind, pieces = gguf.fields.get(f"{PREFIX}model"), gguf.fields.get(f"{PREFIX}tokens")
    if kind is None or not pieces:
        raise BaseModelError(f"{gguf.path} has no tokenizer, so it is no base. Take a file that holds model and tokenizer.")
    if kind not in BUILDERS:
        raise BaseModelError(
            f"{gguf.path} has a tokenizer of the kind {kind!r}, allowed are {', '.join(BUILDERS)}. "
            "Name the model that it was made of, in a folder or on the hub."
        )
    builder = BUILDERS[kind](gguf)
    names = builder.names()
    try:
        tokenizer = builder.build()
    except BaseModelError:
        raise
    except Exception as error:
        # Errors of tokenizers have no base of their own.
        raise BaseModelError(f"The tokenizer of {gguf.path} is damaged: {error}. Convert the model again.") from error
    tokenizer.post_processor = frame(builder, names)
    # They are pieces of the vocabulary already, and keep their numbers.
    tokenizer.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in builder.of(CONTROL, UNKNOWN)])
    tokenizer.add_tokens([AddedToken(piece, normalized=False, special=False) for piece in builder.of(USER_DEFINED)])
    inputs = ["input_ids", "attention_mask"]
    config = {**names, "clean_up_tokenization_spaces": False, "model_max_length": length, "model_input_names": inputs}
    return plain_tokenizer(tokenizer, config, gguf.fields.get("tokenizer.chat_template"))


class VocabularyReader:
    """What both kinds of tokenizers have in common.

    gguf (GgufFile): Of which the vocabulary is read.
    """

    # Numbers of special pieces and whether the first is put in front of texts, where the file does not say.
    defaults: ClassVar[dict[str, int]] = {}
    add_bos = False

    def __init__(self, gguf: GgufFile) -> None:
        self.gguf = gguf
        self.pieces: Sequence[str] = gguf.fields[f"{PREFIX}tokens"]
        self.kinds = self.numbers("token_type")

    def field(self, name: str, default: Any = None) -> Any:
        return self.gguf.fields.get(PREFIX + name, default)

    def numbers(self, name: str) -> list[Any]:
        """Return a list of the file with a number for each piece."""
        found = self.field(name)
        if found is None or len(found) != len(self.pieces):
            raise BaseModelError(
                f"The tokenizer of {self.gguf.path} has {len(self.pieces)} pieces, but no {PREFIX}{name} for each of them. "
                "Convert the model again, with a newer version of llama.cpp."
            )
        return [number.item() for number in found]

    def of(self, *kinds: int) -> list[str]:
        """List the pieces of some kinds."""
        return [piece for piece, kind in zip(self.pieces, self.kinds) if kind in kinds]

    def vocabulary(self) -> dict[str, int]:
        """Number all pieces but those that fill up the model's rows."""
        return {piece: number for number, piece in enumerate(self.pieces) if self.kinds[number] != UNUSED}

    def names(self) -> dict[str, str]:
        """Return the special pieces by the names that transformers gives them."""
        numbers = {name: self.field(f"{short}_token_id", self.defaults.get(name)) for name, short in SPECIAL.items()}
        wrong = {name: number for name, number in numbers.items() if number is not None and number >= len(self.pieces)}
        if wrong:
            raise BaseModelError(f"{self.gguf.path} has {len(self.pieces)} pieces, and names {wrong}. Convert the model again.")
        return {name: self.pieces[number] for name, number in numbers.items() if number is not None}

    def build(self) -> Tokenizer:
        """Build the tokenizer, but for its special pieces."""
        raise NotImplementedError


class ByteLevelReader(VocabularyReader):
    """Reads a tokenizer that merges bytes, as that of GPT-2."""

    def __init__(self, gguf: GgufFile) -> None:
        super().__init__(gguf)
        name = self.field("pre")
        if name not in CUTTINGS:
            raise BaseModelError(
                f"The tokenizer of {gguf.path} cuts texts in the way {name!r}, known are {', '.join(CUTTINGS)}. "
                "Name the model that it was made of, in a folder or on the hub."
            )
        self.cutting = CUTTINGS[name]
        self.add_bos = self.cutting.add_bos

    def build(self) -> Tokenizer:
        merges = [(merge[: merge.index(" ", 1)], merge[merge.index(" ", 1) + 1 :]) for merge in self.field("merges", ())]
        tokenizer = Tokenizer(models.BPE(self.vocabulary(), merges, ignore_merges=self.cutting.ignore_merges))
        steps = [*self.cutting.steps(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=self.cutting.regex)]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
        if self.cutting.normalizer is not None:
            tokenizer.normalizer = self.cutting.normalizer
        tokenizer.decoder = decoders.ByteLevel()
        return tokenizer


class SentencePieceReader(VocabularyReader):
    """Reads a tokenizer of SentencePiece that merges characters, as that of Llama 2 or Gemma.

    Merges are not in the file: two pieces are merged if both together are a piece, that with the highest score first.
    """

    defaults: ClassVar[dict[str, int]] = {"bos_token": 1, "eos_token": 2, "unk_token": 0}
    add_bos = True

    def __init__(self, gguf: GgufFile) -> None:
        super().__init__(gguf)
        # Pieces that are looked for in the text as it is written. Some converters write them as SentencePiece does.
        self.pieces = [
            piece.replace(SPACE, " ") if kind == USER_DEFINED else piece for piece, kind in zip(self.pieces, self.kinds)
        ]
        if len(self.of(BYTE)) != 256 or not any(kind == UNKNOWN for kind in self.kinds):
            raise BaseModelError(
                f"The tokenizer of {gguf.path} has no pieces for the 256 bytes and for what is unknown, so not every text could "
                "be written. Take a base with byte fallback."
            )
        if self.field("precompiled_charsmap") is not None or self.field("remove_extra_whitespaces"):
            raise BaseModelError(
                f"The tokenizer of {gguf.path} rewrites texts before it cuts them, which is not read from such files. "
                "Name the model that it was made of, in a folder or on the hub."
            )

    def build(self) -> Tokenizer:
        vocabulary = self.vocabulary()
        unknown = self.pieces[self.kinds.index(UNKNOWN)]
        model = models.BPE(vocabulary, self.merges(vocabulary), unk_token=unknown, fuse_unk=True, byte_fallback=True)
        tokenizer = Tokenizer(model)
        prefix = self.field("add_space_prefix", True)
        spaces = normalizers.Replace(" ", SPACE)
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), spaces]) if prefix else spaces
        steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
        tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if prefix else steps)
        return tokenizer

    def merges(self, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
        """List what is merged, from the first."""
        scores = self.numbers("scores")
        plain = set(self.of(NORMAL))
        splits = {piece: [pair for pair in pairs_of(piece) if plain.issuperset(pair)] for piece in self.of(NORMAL, UNUSED)}
        ranked: dict[float, list[str]] = defaultdict(list)
        for piece in self.of(NORMAL):
            if splits[piece]:
                ranked[scores[vocabulary[piece]]].append(piece)
        # Runs of one character, such as those of spaces in Llama 2, grow from the left, whatever is first.
        tied = [pieces for pieces in ranked.values() if len(pieces) > 1 and len(set("".join(pieces))) > 1]
        if tied or any(splits[piece] for piece in self.of(UNUSED)):
            raise BaseModelError(
                f"Pieces of the tokenizer of {self.gguf.path} have the same score, or are made and taken apart again, so its "
                "merges are not known. Name the model that it was made of, in a folder or on the hub."
            )
        return [
            pair
            for score in sorted(ranked, reverse=True)
            for pair in sorted(
                (pair for piece in ranked[score] for pair in splits[piece]),
                key=lambda pair: (len(pair[0]), len(pair[1])),
                reverse=True,
            )
        ]


def pairs_of(piece: str) -> list[tuple[str, str]]:
    """List the ways to part a piece in two."""
    return [(piece[:place], piece[place:]) for place in range(1, len(piece))]


BUILDERS: dict[str, Callable[[GgufFile], VocabularyReader]] = {"gpt2": ByteLevelReader, "llama": SentencePieceReader}


def frame(reader: VocabularyReader, names: dict[str, str]) -> Optional[Any]:
    """Return the step that puts the first piece before a text, or the last behind it; None if it has neither."""
    before = [names["bos_token"]] if reader.field("add_bos_token", reader.add_bos) and "bos_token" in names else []
    behind = [names["eos_token"]] if reader.field("add_eos_token", False) and "eos_token" in names else []
    if not before and not behind:
        return None
    numbers = [(piece, reader.pieces.index(piece)) for piece in {*before, *behind}]
    return processors.TemplateProcessing(single=[*before, "$A", *behind], special_tokens=numbers)
