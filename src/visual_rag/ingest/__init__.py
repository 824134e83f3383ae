"""The pipeline that fills an index and keeps its ledger."""
