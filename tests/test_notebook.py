"""The notebook runs from its first cell to its last, in a kernel of its own, without a network."""

from __future__ import annotations

import os

import nbformat
from nbclient import NotebookClient

from tests.served import ROOT


def test_the_notebook_runs_and_ends_with_a_chart_and_a_prior():
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[0].source.startswith("import liq")
    assert not any(cell.outputs or cell.execution_count for cell in cells), "committed without outputs"
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "docs")}})
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT), "LIQ_GATEWAY": "http://127.0.0.1:9"})
    kinds = [set(output.get("data", {})) for cell in cells for output in cell.outputs]
    assert sum("image/png" in kind for kind in kinds) == 2
    assert "image/png" in kinds[-1], "it ends with a chart"
    printed = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    assert "liq.prior/2" in printed
    assert "R² of log dollars" in printed
