# The app on port 8501, as a user without rights. docs/hosting.md says how to run it and how to size it.
FROM python:3.12.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none \
    STREAMLIT_BROWSER_GATHER_USAGE_STATS=false

RUN groupadd --gid 10001 liq && useradd --uid 10001 --gid 10001 --create-home liq

WORKDIR /app

# What changes rarely comes first, so that a change in the code installs nothing anew.
COPY requirements.txt ./
RUN python -m pip install -r requirements.txt

COPY .streamlit ./.streamlit
COPY liq ./liq
COPY pages ./pages
COPY streamlit_app.py ./
RUN python -m compileall -q liq pages streamlit_app.py

USER 10001:10001

EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); urllib.request.urlopen('http://127.0.0.1:8501' + '/' * bool(base) + base + '/_stcore/health', timeout=4)"]

CMD ["python", "-m", "streamlit", "run", "streamlit_app.py"]
