"""Chat completions of OpenAI-compatible endpoints: requests, prices, and what is read from responses."""
