"""Records and CoNLL columns: reading, conversion to Docs, splits, statistics and quality. No torch."""
