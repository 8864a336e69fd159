"""Thousands of seeded corruptions of every known kind of file, each read and judged.

Run by `python -m benchmarks.robustness --storm`. `kinds` and `filling` make clean files of `layouts`, `corruptions`
change them, `case` makes one of a seed and a number, `reading` reads it and measures, `plainly` and `verdict` judge
what came of it, `run` does many and prints the table.
"""
