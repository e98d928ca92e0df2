"""`python -m testees.reference`: answers requests on standard input until it ends."""

from testees.reference.serve import serve

if __name__ == "__main__":
    serve()
