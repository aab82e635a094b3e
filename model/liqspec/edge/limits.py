"""How much is read of what comes from outside; every reader takes its bounds from here.

Beyond a bound a file is refused with one line, before the work that it would make.
"""

MEBIBYTE = 1024 * 1024

FILE_BYTES = 8 * MEBIBYTE  # of a file that is read whole, or of standard input in its place
TOML_BYTES = MEBIBYTE  # of a TOML text, each byte of which may take a hundred of memory and microseconds of time
JSON_VALUES = 2_500_000  # of a JSON text, by its commas, brackets and colons; one with a name counts as four
LINE_BYTES = MEBIBYTE  # of a line of the protocol, without its end (spec/protocol.md)
LOG_LINE_BYTES = 16 * MEBIBYTE  # of a line of a log: a first line can have many accounts
REQUESTS_BYTES = 64 * MEBIBYTE  # of all the requests that a file of them describes, which may repeat texts
STUDY_CASES = 500  # of a study: the choices of its axes multiply
STUDY_BYTES = MEBIBYTE  # of all cases of a study, each of which repeats its base and one choice of each axis
REPLY_ENTRIES = 10_000  # of a list in a reply: positions, pools, effects, executed events
NESTING = 32  # how deep lists and objects are in each other; no valid file or request is deeper than 8

TABLE_ROWS = 4096  # of a table that are in memory at once
TABLE_BYTES = 16 * MEBIBYTE  # of the cells of a table that are in memory at once; no row may have more
BLOCK_BYTES = MEBIBYTE  # of a CSV file that are read at once; no row may have more
ROWS_A_BYTE = 8  # of a Parquet file, beyond its first rows: each row needs a part of a byte at least
CELL_BYTES_A_BYTE = 1024  # of a Parquet file, beyond the first cells: how far it may be compressed
