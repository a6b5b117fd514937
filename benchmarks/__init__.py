"""Measurements against limits and peers; results/ holds what came out, with the setup stated."""
