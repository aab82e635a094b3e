"""How a file is written: all of it or nothing, so that no earlier one is lost, and never through a symbolic link."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEVICES = Path("/dev")  # what is there is written as it is: /dev/stdout is a link


def write(path: Path, content: str | bytes) -> None:
    """Write a file, texts in UTF-8; one that is there is replaced when the new one is complete.

    Raises:
        OSError: it cannot be written, or is a symbolic link; the error has the file's name, and an earlier one stays.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with _named(path):
        if _is_device(path):
            path.write_bytes(data)
            return
        _check_file(path)
        unfinished = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}")
        try:
            _write_new(unfinished, data)
            if path.exists():
                shutil.copymode(path, unfinished)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def check(path: Path) -> None:
    """See that a file can be written, before there is anything to write.

    Raises:
        OSError: its folder is not there or cannot be written, or there is a folder or a symbolic link in its place.
    """
    with _named(path):
        if _is_device(path):
            return
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _check_file(path)
        _check_folder(path.parent)


def check_folder(path: Path) -> None:
    """See that files can be written in a folder, which may have to be made.

    Raises:
        OSError: they cannot, or it is not a folder.
    """
    with _named(path):
        _check_folder(next(one for one in (path, *path.absolute().parents) if one.exists()))


def _is_device(path: Path) -> bool:
    return _DEVICES in path.absolute().parents or (path.exists() and not path.is_file() and not path.is_dir())


def _check_file(path: Path) -> None:
    if path.is_symlink():
        raise OSError(errno.ELOOP, "is a symbolic link, which is not followed")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        number = errno.ENOTDIR if folder.exists() else errno.ENOENT
        raise OSError(number, os.strerror(number))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def create(path: Path, content: str) -> None:
    """Write a file that is not there yet.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written; nothing is left of it.
    """
    with _named(path):
        try:
            _write_new(path, content.encode("utf-8"))
        except FileExistsError:
            raise
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _write_new(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Within this, an OSError is of the file at this path, whatever else it was raised of."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
