"""Checkpoints, classifiers, and the model folder that training writes and scoring reads."""
