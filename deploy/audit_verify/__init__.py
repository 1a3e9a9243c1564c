"""Verifies the audit trail of the services from outside; knows the documented format and no code that writes it."""
