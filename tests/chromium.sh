#!/usr/bin/env bash
# Print the path of a Chromium for the browser tests; install one where there is none.
set -euo pipefail
find_one() {
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then command -v "$name"; return 0; fi
  done
  return 1
}
find_one && exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1; then
  { $as_root apt-get update -qq && $as_root apt-get install -y -qq chromium; } >&2 || true
  find_one && exit 0
fi
.venv/bin/python -m playwright install chromium >&2 || true
.venv/bin/python - <<'PY'
from pathlib import Path
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    path = Path(p.chromium.executable_path)
print(path if path.exists() else "")
PY
