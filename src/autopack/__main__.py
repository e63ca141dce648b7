"""`python -m autopack` is the command `autopack`."""

from autopack.cli.main import run

if __name__ == "__main__":
    run()
