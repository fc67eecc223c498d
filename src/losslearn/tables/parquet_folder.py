"""A folder of Parquet files as one table, their rows in the order of the names."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from losslearn._wording import listed
from losslearn.encoding.frames import TableError, check_doubles, without_numbering

if TYPE_CHECKING:
    import pyarrow as pa

    Schema = dict[str, pa.DataType]

SUFFIX = ".parquet"


def read_folder(folder: Path, read: "Callable[[Path], pa.Table]") -> "pa.Table":
    """Return the rows of all Parquet files in a folder.

    Columns go by name, in any order; one without a value in a file goes with any kind.
    What begins with a dot or an underscore is passed over, as `_metadata` is.

    Args:
        folder: Where they are.
        read: Reads one of them; what is wrong with it, it says itself.

    Raises:
        TableError: If the folder holds none, or anything else, or the files have not
            the same columns.
    """
    import pyarrow as pa

    paths = _files_in(folder)
    parts = [without_numbering(read(path)) for path in paths]
    expected: Schema = {}
    found_in: dict[str, str] = {}
    for path, part in zip(paths, parts, strict=True):
        check_doubles(part.column_names, repr(str(path)))
        schema = dict(zip(part.column_names, part.schema.types, strict=True))
        if path is not paths[0]:
            _check_names(path, schema, expected, first=paths[0].name)
        for name, kind in schema.items():
            if pa.types.is_null(expected.get(name, pa.null())):
                expected[name], found_in[name] = kind, path.name
            elif not _agree(kind, expected[name]):
                raise TableError(
                    f"Column {name!r} of {str(path)!r} must be {expected[name]}, as in "
                    f"{found_in[name]!r}, got {kind}. Write both alike."
                )
    # permissive for categories alone, whose codes may differ in width
    return pa.concat_tables(
        [part.select(list(expected)) for part in parts], promote_options="permissive"
    )


def _files_in(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder that holds nothing else."""
    seen = sorted(path for path in folder.iterdir() if path.name[0] not in "._")
    others = [
        path.name
        for path in seen
        if path.is_dir() or not path.name.lower().endswith(SUFFIX)
    ]
    if len(others) < len(seen) and others:
        raise TableError(
            f"{str(folder)!r} must hold {SUFFIX} files alone, got {listed(others)} "
            "beside them. Move what is no part of the table."
        )
    if not seen or others:
        holds = f"only {listed(others)}" if others else "nothing"
        raise TableError(
            f"{str(folder)!r} is a folder and must hold {SUFFIX} files, got {holds}. "
            "Name a file, or a folder of such files."
        )
    return seen


def _check_names(
    path: Path, found: Iterable[str], expected: Iterable[str], *, first: str
) -> None:
    missing = [name for name in expected if name not in set(found)]
    further = [name for name in found if name not in set(expected)]
    if missing or further:
        what = f"lacks {listed(missing)}" if missing else f"has {listed(further)} too"
        raise TableError(
            f"{str(path)!r} must have the columns of {first!r}, but {what}. Write both "
            "alike."
        )


def _agree(one: "pa.DataType", other: "pa.DataType") -> bool:
    """Whether columns of these kinds go into one."""
    from pyarrow import types

    if types.is_null(one):
        return True
    if types.is_dictionary(one) and types.is_dictionary(other):
        same = one.ordered == other.ordered
        return same and bool(one.value_type.equals(other.value_type))
    return bool(one.equals(other))
