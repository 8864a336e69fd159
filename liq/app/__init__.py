"""What the pages share; here, where the Streamlit script, its pages and its theme lie."""

from __future__ import annotations

from pathlib import Path


def app_folder() -> Path:
    """Return the folder that holds ``streamlit_app.py``, ``pages/`` and ``.streamlit/config.toml``.

    The wheel carries them in ``liq/app/bundle`` (pyproject.toml, force-include); a checkout has them at its top.

    >>> sorted(path.name for path in app_folder().glob("*.py"))
    ['streamlit_app.py']
    """
    bundle = Path(__file__).with_name("bundle")
    return bundle if bundle.is_dir() else Path(__file__).parents[2]
