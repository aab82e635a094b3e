"""The plotting library, which only some pictures need; its cache stays out of the user's home."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from liqspec.edge.errors import needs

_CACHE = "MPLCONFIGDIR"


@contextmanager
def plotting(use: str) -> Iterator[None]:
    """Within this, the library is imported; its cache is in a folder that is removed at the end, or where it was set.

    Raises:
        MissingExtra: it is not installed, and `use` needs it.
    """
    if _CACHE not in os.environ:
        os.environ[_CACHE] = tempfile.mkdtemp(prefix="liqspec-")
        atexit.register(shutil.rmtree, os.environ[_CACHE], ignore_errors=True)
    with needs("matplotlib", "pictures", use):
        yield
