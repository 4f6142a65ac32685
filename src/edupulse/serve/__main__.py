"""What `edupulse serve` becomes: a process that holds nothing of the command line."""

if __name__ == "__main__":  # each worker reads this file too
    import sys

    from edupulse.serve.process import main

    sys.exit(main())
