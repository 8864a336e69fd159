"""What the process that reads files does: say that it is ready, take one request, say so, answer it, and end."""

from __future__ import annotations

import faulthandler
import io
import os
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from liq import process_memory
from liq.errors import DateOrderError, LiqError
from liq.sources.file_worker import messages
from liq.sources.files.table import File


def serve() -> None:
    r"""Take one request from standard input and write the answer to standard output.

    >>> import subprocess
    >>> subprocess.run([sys.executable, "-c", "from liq.sources.file_worker.serve import serve; serve()"],
    ...                stdin=subprocess.DEVNULL, capture_output=True).stdout[8:]  # ready, and nobody asks
    b'{"sizes": []}'
    """
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between
    process_memory.stand_back()
    import pyarrow.parquet  # noqa: F401  # most of what a file needs, imported while nobody waits

    from liq.sources.file_worker import readers

    messages.send(answer, {})
    try:
        request, blocks = messages.receive(sys.stdin.buffer)
        messages.send(answer, {})
    except (EOFError, OSError):
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        # ends this process inside any C function
        faulthandler.dump_traceback_later(request["seconds"], exit=True, file=nowhere)
        with suppress(OSError):  # the server is gone
            _reply(answer, request, blocks, readers.TASKS)


def _reply(answer: BinaryIO, request: dict[str, Any], blocks: list[bytes], tasks: dict[str, Any]) -> None:
    """Write the answer to a request: facts and tables, or an error in one sentence."""
    entries = request["files"]
    try:
        tables, facts = tasks[request["task"]]([_file(entry, blocks) for entry in entries], **request["options"])
        packed = [messages.table_bytes(table) for table in tables]
        del tables
    except DateOrderError as error:
        messages.send(answer, {"error": str(error), "readings": error.readings})
    except LiqError as error:
        messages.send(answer, {"error": str(error)})
    except MemoryError:
        os._exit(1)  # the server says which bound that is
    except Exception as error:
        name = entries[0]["name"]
        messages.send(answer, {"error": f"{name} cannot be read ({type(error).__name__}): it is of no known layout."})
    else:
        messages.send(answer, {"facts": facts}, packed)


def _file(entry: dict[str, Any], blocks: list[bytes]) -> File:
    """Return a file of a request, a path or a buffer with a name."""
    if "path" in entry:
        return str(entry["path"])
    file = _Once(blocks[entry["block"]])
    blocks[entry["block"]] = b""
    file.name = entry["name"]
    return file


class _Once(io.BytesIO):
    """Bytes that are let go once they were read as a whole: a table needs the memory, and is made of one reading."""

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if not super().read(1):
            self.seek(0)
            self.truncate()
        return content
