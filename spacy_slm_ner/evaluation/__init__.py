"""Evaluation of a pipeline: scores on which two libraries agree, confidence intervals, errors and the report."""
