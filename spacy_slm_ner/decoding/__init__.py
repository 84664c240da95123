"""What may be generated next: grammars over text, walkers over piece ids (no torch), and the batched decoder (torch)."""
