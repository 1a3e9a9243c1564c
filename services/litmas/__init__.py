"""Litmas: social inquiry reports, from the request to the signed report in the archive."""
