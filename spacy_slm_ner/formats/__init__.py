"""Prompt formats, one module each, with prompt, target, constraint and parser side by side."""
