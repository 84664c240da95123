"""A pipeline over any number of texts, in shards, each exactly once. The way in is `run.run_batch`."""
