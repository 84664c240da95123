"""What may be generated next: grammars over text, guides over piece ids, scores of what was written. No torch."""
