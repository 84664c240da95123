"""Constrained decoding: grammars over text, guides over piece ids, drafts, and answers with their probabilities. No torch."""
