"""`python -m receiver`: the command line, for platforms that do not install the package."""

from receiver.cli.main import main

if __name__ == "__main__":
    main()
