"""How good a pipeline is: scores that two libraries agree on, their spread, every error, and the report."""
