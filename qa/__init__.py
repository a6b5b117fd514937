"""A question becomes a cited answer: retrieve, read, cite, answer, serve."""
