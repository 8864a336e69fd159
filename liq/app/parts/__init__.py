"""Parts that several pages draw, or that are a page's own and stand apart: notices, questions, tables, files."""
