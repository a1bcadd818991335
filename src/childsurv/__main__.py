"""Run the command line as ``python -m childsurv``."""

from childsurv.cli import main

if __name__ == "__main__":
    main()
