"""Searches that train their candidates: strategies, trainings and their store."""
