"""Prompt formats: one file a format, with render, target, constraint and parse side by side."""
