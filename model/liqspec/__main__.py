"""What `python -m liqspec` does: the same as the command `liqspec`."""

from liqspec.cli import main

if __name__ == "__main__":
    main()
