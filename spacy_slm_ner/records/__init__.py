"""LLM-written records and CoNLL columns to spaCy Docs. No torch."""
