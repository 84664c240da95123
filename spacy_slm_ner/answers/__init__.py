"""Text that language models write, read as far as it is unambiguous. Pure Python."""
