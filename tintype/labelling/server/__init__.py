"""Labelling over HTTP: sessions, roles, pictures, actions, suggestions; `GET /openapi.json` tells all routes."""
