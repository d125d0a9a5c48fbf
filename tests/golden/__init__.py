"""Golden data: what each released version has written, which every later version must read."""

API_KEY = "golden-0123456789abcdefghijklmnopqrstuv"
"""The key that the golden session was begun with; it opens nothing else."""
