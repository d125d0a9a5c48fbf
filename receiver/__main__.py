"""`python -m receiver`: the command line, for platforms that don't install the project."""

from receiver.cli.main import main

if __name__ == "__main__":
    main()
