"""The published language: what services and prisons tell each other, and how it looks on the wire."""
