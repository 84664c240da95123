"""What may be generated next: grammars over text, walkers over piece ids, scores of what was written. No torch."""
