"""Models that turn pages and questions into multi-vectors."""
