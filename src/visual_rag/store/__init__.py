"""Where pages, their vectors, their images and the ledger lie."""
