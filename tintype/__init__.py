"""Labelled pictures in, a served and trusted image model out."""
